"""Why a result is uncertain: decided once, and told wherever the result is told."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from idc_contracts import PatchClassified, Reason
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

RED, MID = solid_png((250, 0, 0)), solid_png((128, 0, 0))
URL = "/api/v1/classifications"
GLASS = (Reason.LITTLE_TISSUE, Reason.OUT_OF_FOCUS)


async def post(client: httpx.AsyncClient, image: bytes = RED, **query: Any) -> dict[str, Any]:
    answer = await client.post(URL, content=image, params=query)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()["items"][0]
    return item


async def test_any_reason_makes_a_result_uncertain_whatever_the_probability(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    decided = await post(client)
    inference.also = (Reason.OUT_OF_FOCUS, Reason.LITTLE_TISSUE)
    flagged, between = await post(client), await post(client, MID)

    assert (decided["decision"], decided["reasons"]) == ("idc", [])
    assert (flagged["decision"], flagged["reasons"]) == ("uncertain", ["little_tissue", "out_of_focus"])
    assert flagged["probability"] == decided["probability"]
    assert between["reasons"] == ["between_thresholds", "little_tissue", "out_of_focus"]


async def test_reasons_are_the_same_wherever_the_result_is_told(
    client: httpx.AsyncClient, inference: RednessInference, bus: MemoryBus
) -> None:
    inference.also = GLASS
    item = await post(client, slide="s", x=1, y=1)
    await eventually(lambda: bool(bus.published))

    stored = (await client.get(f"{URL}/{item['id']}")).json()
    (listed,) = (await client.get(URL)).json()["items"]
    (row,) = csv.DictReader(io.StringIO((await client.get(f"{URL}/export")).text))
    tiles = (await client.get(f"{URL}/export", params={"format": "geojson", "slide": "s"})).json()
    (message,) = [PatchClassified.from_payload(message.payload) for message in bus.published]

    assert stored == listed == item
    assert (row["reasons"], row["field"], row["um_per_px"]) == ("little_tissue out_of_focus", "native", "")
    assert tiles["features"][0]["properties"]["metadata"]["reasons"] == "little_tissue out_of_focus"
    assert (message.reasons, message.field, message.um_per_px) == (GLASS, "native", None)


async def test_lines_of_a_form_and_the_audit_chain_have_the_reasons(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    inference.also = GLASS

    answer = await client.post(URL, files=[("images", ("a.png", RED))], headers={"Accept": "application/x-ndjson"})
    records = (await client.get("/api/v1/audit")).json()["items"]

    assert json.loads(answer.text.splitlines()[0])["classification"]["reasons"] == list(GLASS)
    assert [r["details"]["reasons"] for r in records if r["action"] == "patch.classified"] == [list(GLASS)]


@pytest.mark.parametrize("reason", Reason)
async def test_list_and_exports_are_filtered_by_reason(
    client: httpx.AsyncClient, inference: RednessInference, reason: Reason
) -> None:
    await post(client, name="decided", slide="s", x=1, y=1)
    for number, other in enumerate(Reason):
        inference.also = (other,)
        await post(client, name=other.value, slide="s", x=10 * number, y=2)
    filters = {"slide": "s", "reason": reason.value}

    listed = (await client.get(URL, params=filters)).json()["items"]
    rows = list(csv.DictReader(io.StringIO((await client.get(f"{URL}/export", params=filters)).text)))
    tiles = (await client.get(f"{URL}/export", params={"format": "geojson", **filters})).json()["features"]

    assert [item["name"] for item in listed] == [row["name"] for row in rows] == [reason.value]
    assert [tile["properties"]["name"] for tile in tiles] == [reason.value]
    assert (await client.get(URL, params={**filters, "decision": "idc"})).json()["items"] == []


async def test_unknown_reason_is_no_filter(client: httpx.AsyncClient) -> None:
    answer = await client.get(URL, params={"reason": "wrong_organ"})

    assert answer.status_code == 422
    assert "little_tissue" in answer.json()["detail"]


async def test_2018_endpoint_calls_a_patch_with_a_reason_uncertain(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    inference.also = GLASS

    answer = (await client.post("/api/infer", content=RED)).json()

    assert (answer["ResponseMessage"], answer["Results"]) == ("Uncertain: a pathologist must look at the patch", 0)
