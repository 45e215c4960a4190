"""Posting patches and reading the results."""

from uuid import UUID, uuid4

import httpx
import pytest

from idc_contracts import CLASSIFICATIONS, PatchClassified
from idc_gateway.errors import InferenceBroken, InferenceUnavailable
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

RED, DARK, MID = solid_png((250, 0, 0)), solid_png((10, 0, 0)), solid_png((128, 0, 0))
URL = "/api/v1/classifications"
UNCERTAIN = "Uncertain: a pathologist must look at the patch"


async def test_raw_body_is_classified_and_stored(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, content=RED, headers={"Content-Type": "image/png"})

    assert answer.status_code == 201
    (item,) = answer.json()["items"]
    assert item["decision"] == "idc"
    assert item["probability"] == pytest.approx(250 / 255)
    assert item["name"] == ""
    assert item["model"] == {"name": "idc", "version": "1", "sha256": "0" * 64}
    assert item["thresholds"] == {"no_idc_below": 0.4, "idc_from": 0.6}
    assert answer.headers["Location"] == f"{URL}/{item['id']}"
    assert (await client.get(answer.headers["Location"])).json() == item


async def test_form_with_many_images_answers_in_the_order_sent(client: httpx.AsyncClient) -> None:
    files = [("images", (f"{i}.png", image, "image/png")) for i, image in enumerate([RED, DARK, MID])]

    batch = (await client.post(URL, files=files)).json()

    assert (batch["accepted"], batch["refused"]) == (3, 0)
    assert [(item["name"], item["classification"]["decision"]) for item in batch["items"]] == [
        ("0.png", "idc"),
        ("1.png", "no_idc"),
        ("2.png", "uncertain"),
    ]


async def test_name_in_any_script_is_kept(client: httpx.AsyncClient) -> None:
    name = "Schnitt 7 ß 病理.png"

    items = (await client.post(URL, files={"images": (name, RED)})).json()["items"]

    assert items[0]["name"] == name


async def test_own_size_of_the_image_is_reported(client: httpx.AsyncClient) -> None:
    items = (await client.post(URL, content=solid_png((0, 0, 0), side_px=120))).json()["items"]

    assert (items[0]["width_px"], items[0]["height_px"]) == (120, 120)


async def test_list_is_newest_first(client: httpx.AsyncClient) -> None:
    for image in (RED, DARK, MID):
        await client.post(URL, content=image)

    items = (await client.get(URL, params={"limit": 2})).json()["items"]

    assert [item["decision"] for item in items] == ["uncertain", "no_idc"]


async def test_unknown_result_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{URL}/{uuid4()}")

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:idc-sentinel:problem:not-found"


async def test_each_result_becomes_one_message_without_the_file_name(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    files = [("images", ("patient-8975.png", image)) for image in (RED, DARK)]

    answer = await client.post(URL, files=files, headers={"X-Request-ID": "r-1"})
    await eventually(lambda: len(bus.published) == 2)

    messages = [PatchClassified.from_payload(message.payload) for message in bus.published]
    assert [str(m.classification_id) for m in messages] == [
        item["classification"]["id"] for item in answer.json()["items"]
    ]
    assert {m.correlation_id for m in messages} == {"r-1"}
    assert {message.topic for message in bus.published} == {CLASSIFICATIONS.at(site="site", device="gateway")}
    assert not [message for message in bus.published if b"8975" in message.payload]


async def test_request_id_goes_to_the_inference_service(client: httpx.AsyncClient, inference: RednessInference) -> None:
    await client.post(URL, content=RED, headers={"X-Request-ID": "r-2"})

    assert inference.request_ids == ["r-2"]


@pytest.mark.parametrize(
    ("failure", "status", "headers"),
    [(InferenceUnavailable("no answer"), 503, {"retry-after": "2"}), (InferenceBroken("nonsense"), 502, {})],
)
async def test_failing_inference_is_reported_and_nothing_is_stored(
    client: httpx.AsyncClient,
    inference: RednessInference,
    bus: MemoryBus,
    failure: InferenceUnavailable,
    status: int,
    headers: dict[str, str],
) -> None:
    inference.failure = failure

    answer = await client.post(URL, content=RED)

    assert answer.status_code == status
    assert headers.items() <= dict(answer.headers).items()
    assert (await client.get(URL)).json()["items"] == []
    assert bus.published == []


@pytest.mark.parametrize(
    ("image", "message", "results"), [(RED, "IDC Detected!", 1), (DARK, "IDC Not Detected!", 0), (MID, UNCERTAIN, 0)]
)
async def test_2018_endpoint_answers_as_it_did_whatever_the_content_type(
    client: httpx.AsyncClient, image: bytes, message: str, results: int
) -> None:
    answer = await client.post("/api/infer", content=image, headers={"Content-Type": "application/json"})

    assert answer.status_code == 200
    assert answer.json() == {"Response": "OK", "ResponseMessage": message, "Results": results}


async def test_ids_are_random_uuids(client: httpx.AsyncClient) -> None:
    items = (await client.post(URL, files=[("images", ("a", RED)), ("images", ("b", RED))])).json()["items"]

    ids = {UUID(item["classification"]["id"]) for item in items}
    assert {identity.version for identity in ids} == {4}
    assert len(ids) == 2
