"""An image that is sent with `once` is stored once in its series, whatever happened between the tries."""

import asyncio
from typing import Any

import httpx
import pytest

from idc_gateway.classifying.uploads import PART_IMAGES
from idc_gateway.errors import InferenceUnavailable
from idc_gateway.settings import GatewaySettings
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

URL = "/api/v1/classifications"
RED = solid_png((250, 0, 0))
ONCE = {"once": "idc"}


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    return settings.model_copy(update={"max_images": 300})


def form(names: list[str], content: bytes = RED) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (name, content)) for name in names]


async def names(client: httpx.AsyncClient) -> list[str]:
    return sorted(item["name"] for item in (await client.get(URL, params={"limit": 1000})).json()["items"])


async def sent(client: httpx.AsyncClient, files: Any, **query: str) -> list[tuple[str, bool]]:
    """Each image's result and whether it was there."""
    answer = await client.post(URL, files=files, params={**ONCE, **query})
    assert answer.status_code == 201, answer.text
    return [(item["classification"]["id"], item["stored_before"]) for item in answer.json()["items"]]


async def test_folder_that_gained_a_file_is_stored_once_in_whatever_groups_it_comes(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    first = await sent(client, form(["b.png", "c.png"]))
    again = await sent(client, form(["a.png", "b.png"])) + await sent(client, form(["c.png"]))

    assert [before for _, before in first] == [False, False]
    assert [before for _, before in again] == [False, True, True]
    assert [identity for identity, _ in again[1:]] == [identity for identity, _ in first]
    assert await names(client) == ["a.png", "b.png", "c.png"]
    await eventually(lambda: len(bus.published) == 3)


async def test_form_that_broke_off_is_finished_by_any_other_form(client: httpx.AsyncClient) -> None:
    files = [f"{number:03}.png" for number in range(PART_IMAGES + 10)]
    request = client.build_request("POST", URL, files=form(files), params=ONCE)
    body, kind = request.read(), {"Content-Type": request.headers["Content-Type"]}

    broken = await client.post(URL, content=body[:-300], headers=kind, params=ONCE)
    again = await sent(client, form(files[::-1]))

    assert broken.status_code == 400
    assert sum(before for _, before in again) == PART_IMAGES
    assert await names(client) == files


async def test_images_that_inference_missed_are_stored_by_the_next_try(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    await sent(client, form(["a.png"]))
    inference.failure = InferenceUnavailable("away")
    partly = await client.post(URL, files=form(["a.png", "b.png"]), params=ONCE)
    inference.failure = None

    again = await sent(client, form(["a.png", "b.png"]))

    assert [(item["stored_before"], item["error"] is None) for item in partly.json()["items"]] == [
        (True, True),
        (False, False),
    ]
    assert [before for _, before in again] == [True, False]
    assert await names(client) == ["a.png", "b.png"]


async def test_same_images_at_the_same_time_in_different_groups_are_stored_once(client: httpx.AsyncClient) -> None:
    files = [f"{number}.png" for number in range(12)]

    await asyncio.gather(*(sent(client, form(files[start:] + files[:start])) for start in range(6)))

    assert await names(client) == sorted(files)


async def test_key_of_another_caller_finds_what_was_stored(client: httpx.AsyncClient) -> None:
    first = await sent(client, form(["a.png"]))
    made = await client.post("/api/v1/keys", json={"name": "new", "role": "operator"})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}

    again = await client.post(URL, files=form(["a.png"]), params=ONCE, headers=headers)

    assert [item["classification"]["id"] for item in again.json()["items"]] == [first[0][0]]


async def test_key_without_the_scope_read_gets_no_reviews(client: httpx.AsyncClient) -> None:
    ((identity, _),) = await sent(client, form(["a.png"]))
    await client.post(f"{URL}/{identity}/review", json={"verdict": "idc", "comment": "secret"})
    made = await client.post("/api/v1/keys", json={"name": "sender", "scopes": ["classify"]})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}

    again = await client.post(URL, files=form(["a.png"]), params=ONCE, headers=headers)

    assert again.json()["items"][0]["classification"]["id"] == identity
    assert "secret" not in again.text


@pytest.mark.parametrize(
    ("name", "query"),
    [("b.png", {}), ("a.png", {"slide": "s"}), ("a.png", {"w": "800"}), ("a.png", {"once": "other"})],
)
async def test_another_name_label_or_series_is_another_image(
    client: httpx.AsyncClient, name: str, query: dict[str, str]
) -> None:
    await sent(client, form(["a.png"]))

    assert [before for _, before in await sent(client, form([name]), **query)] == [False]


async def test_deleted_result_is_made_again(client: httpx.AsyncClient) -> None:
    ((identity, _),) = await sent(client, form(["a.png"]))
    await client.delete(f"{URL}/{identity}")

    assert [before for _, before in await sent(client, form(["a.png"]))] == [False]


async def test_image_that_stands_twice_in_a_form_is_stored_once(client: httpx.AsyncClient) -> None:
    answers = await sent(client, form(["a.png", "a.png"]))

    assert len({identity for identity, _ in answers}) == 1
    assert await names(client) == ["a.png"]


async def test_single_body_is_stored_once_too(client: httpx.AsyncClient, inference: RednessInference) -> None:
    answers = [await client.post(URL, content=RED, params={"name": "a.png", **ONCE}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(inference.request_ids) == 1


async def test_refused_image_is_refused_each_time(client: httpx.AsyncClient) -> None:
    answers = [await client.post(URL, files=form(["a.png"], b"no image"), params=ONCE) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [415, 415]


async def test_series_and_idempotency_key_exclude_each_other(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, content=RED, params=ONCE, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, "omit one" in answer.json()["detail"]) == (400, True)
