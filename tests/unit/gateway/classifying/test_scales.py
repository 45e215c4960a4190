"""The field that an image shows: native, assumed, or stated by its scale."""

from typing import Any

import httpx
import pytest

from support.demo_patches import solid_png
from support.gateway_fakes import RednessInference

URL = "/api/v1/classifications"
KEY = {"Idempotency-Key": "order-7"}


def red(side_px: int = 50) -> bytes:
    return solid_png((250, 0, 0), side_px)


async def post(client: httpx.AsyncClient, image: bytes, **query: Any) -> dict[str, Any]:
    answer = await client.post(URL, content=image, params=query)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()["items"][0]
    return item


@pytest.mark.parametrize(
    ("side_px", "query", "field", "reasons"),
    [
        (50, {}, "native", []),
        (100, {}, "assumed", []),
        (40, {}, "assumed", []),
        (50, {"um_per_px": 4}, "stated", []),
        (400, {"um_per_px": 0.5}, "stated", []),
        (380, {"um_per_px": 0.5}, "stated", []),
        (379, {"um_per_px": 0.5}, "stated", ["unfamiliar"]),
        (50, {"um_per_px": 0.25}, "stated", ["unfamiliar"]),
    ],
)
async def test_result_tells_how_its_field_is_known_and_whether_it_can_fit(
    client: httpx.AsyncClient, side_px: int, query: dict[str, float], field: str, reasons: list[str]
) -> None:
    item = await post(client, red(side_px), **query)

    assert (item["field"], item["um_per_px"]) == (field, query.get("um_per_px"))
    assert (item["reasons"], item["decision"]) == (reasons, "uncertain" if reasons else "idc")
    assert (await client.get(f"{URL}/{item['id']}")).json() == item


async def test_inference_gets_the_scale_of_each_image_that_was_stated(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    files = [("images", (f"{n}.png", red(400))) for n in range(2)]

    answer = await client.post(URL, files=files, params={"um_per_px": 0.5})
    await post(client, red())

    assert [item["classification"]["um_per_px"] for item in answer.json()["items"]] == [0.5, 0.5]
    assert inference.scales_um_per_px == [0.5, 0.5, None]


@pytest.mark.parametrize("scale", ["0", "-4", "0.049", "50.1", "nan", "inf", "four", ""])
async def test_what_is_no_scale_is_refused_by_its_value_with_the_remedy(
    client: httpx.AsyncClient, inference: RednessInference, scale: str
) -> None:
    answer = await client.post(URL, content=red(), params={"um_per_px": scale})

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert detail.startswith(f"query.um_per_px: {scale!r} is not a scale: state micrometres per pixel")
    assert "0.05 to 50" in detail
    assert inference.request_ids == []


async def test_scale_in_a_form_field_is_sent_to_the_address(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, files=[("images", ("a.png", red()))], data={"um_per_px": "4"})

    assert answer.status_code == 400
    assert "/api/v1/classifications?um_per_px=" in answer.json()["detail"]


async def test_another_scale_under_the_same_key_is_another_request(client: httpx.AsyncClient) -> None:
    sent = [
        await client.post(URL, content=red(400), params=query, headers=KEY)
        for query in ({"um_per_px": 0.5}, {"um_per_px": 0.5}, {"um_per_px": 1}, {})
    ]

    assert [answer.status_code for answer in sent] == [201, 201, 422, 422]
    assert sent[0].json() == sent[1].json()
    assert sent[2].json()["type"].endswith("idempotency-key-reused")


async def test_image_with_another_scale_is_another_image_of_a_series(client: httpx.AsyncClient) -> None:
    for query in ({"um_per_px": 0.5}, {"um_per_px": 0.5}, {"um_per_px": 1}, {}, {}):
        await post(client, red(400), once="idc", **query)

    scales = [item["um_per_px"] for item in (await client.get(URL)).json()["items"]]
    assert scales == [None, 1, 0.5]
