"""What serves, how all is doing, and what happens as it happens."""

import json

import httpx
from fastapi import FastAPI

from idc_contracts import utc_now
from idc_gateway.classifying.check_image import CheckedImage
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.result_writer import Entry, ResultWriter
from idc_gateway.errors import InferenceUnavailable
from idc_gateway.idempotency.job import Job
from idc_gateway.inference.ports import Prediction
from idc_gateway.results.classifications import UNKNOWN_ORIGIN
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.store import Store
from support.asgi_stream import AsgiStream
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import FAKE_MODEL, FAKE_THRESHOLDS, MemoryBus, RednessInference

RED = solid_png((250, 0, 0))
URL = "/api/v1/classifications"


async def test_model_is_shown_with_its_thresholds(client: httpx.AsyncClient, app: FastAPI) -> None:
    await eventually(lambda: app.state.gateway.inference.is_ready)
    (model,) = (await client.get("/api/v1/models")).json()["items"]

    assert model["name"] == FAKE_MODEL.name
    assert model["ready"] is True
    assert model["sha256"] == FAKE_MODEL.sha256
    assert model["thresholds"] == {"no_idc_below": 0.4, "idc_from": 0.6}


async def test_status_names_what_is_wrong(
    client: httpx.AsyncClient, app: FastAPI, bus: MemoryBus, inference: RednessInference
) -> None:
    await client.post(URL, content=RED)
    well = (await client.get("/api/v1/status")).json()
    bus.disconnect()
    inference.ready = False
    await app.state.gateway.inference.look()

    ill = (await client.get("/api/v1/status")).json()

    assert well["degraded"] == []
    assert well["images"] == {"stored": True, "count": 1, "bytes": len(RED)}
    assert (ill["broker_connected"], ill["inference_ready"]) == (False, False)
    assert len(ill["degraded"]) == 2


def test_model_change_that_another_gateway_saw_is_not_reported_again(store: Store) -> None:
    """Two gateways of one database, each of which classifies with the old model and then with the new one."""
    gateways = [
        ResultWriter(ResultsStore(store.database), store.images, None, site="site", device=f"gateway-{number}")
        for number in (1, 2)
    ]
    image = CheckedImage("a.png", RED, 50, 50, "image/png", UNKNOWN_ORIGIN)

    for model in (FAKE_MODEL, FAKE_MODEL.model_copy(update={"sha256": "e" * 64})):
        for writer in gateways:
            result = writer.new_result(image, Prediction(0.9, model, FAKE_THRESHOLDS), 1.0, utc_now())
            writer.write([Entry([Outcome(0, "a.png", result)], [image], Job("first", "r"), utc_now())])

    changes = [record.event for record in store.audit.page(100) if record.event.action == "model.changed"]
    assert [(change.actor, change.details["before_sha256"], change.details["sha256"]) for change in changes] == [
        ("gateway-1", FAKE_MODEL.sha256, "e" * 64),
        ("gateway-1", "", FAKE_MODEL.sha256),
    ]


async def test_every_result_has_its_audit_record(client: httpx.AsyncClient) -> None:
    answer = await client.post(URL, content=RED, headers={"X-Request-ID": "r-9"})
    item = answer.json()["items"][0]

    record = (await client.get("/api/v1/audit", params={"limit": 1})).json()["items"][0]

    assert (record["action"], record["subject"], record["actor"]) == ("patch.classified", item["id"], "first")
    assert record["request_id"] == "r-9"
    assert record["details"]["decision"] == "idc"
    assert record["details"]["image_sha256"] == item["image_sha256"]


def events_of(stream: AsgiStream) -> list[dict[str, str]]:
    """The fields of each event with data that has come so far."""
    blocks = [block.splitlines() for block in stream.body.decode().split("\n\n")]
    events = [dict(line.split(": ", 1) for line in block if not line.startswith(":")) for block in blocks]
    return [event for event in events if "data" in event]


async def test_new_results_are_reported_as_they_are_stored_and_none_is_left_out(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await client.post(URL, content=RED)
    stream = AsgiStream(app, "/api/v1/events", dict(client.headers))
    await eventually(lambda: stream.status == 200)
    ids = [(await client.post(URL, content=RED)).json()["items"][0]["id"] for _ in range(3)]
    await eventually(lambda: len(events_of(stream)) == 3)
    await stream.close()

    again = AsgiStream(app, "/api/v1/events", {**client.headers, "Last-Event-ID": events_of(stream)[0]["id"]})
    await eventually(lambda: len(events_of(again)) == 2)
    await again.close()

    assert [json.loads(event["data"])["id"] for event in events_of(stream)] == ids
    assert {event["event"] for event in events_of(stream)} == {"classification"}
    assert [json.loads(event["data"])["id"] for event in events_of(again)] == ids[1:]


async def test_silent_inference_is_reported_where_its_model_is_asked_for(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    async def broken() -> None:
        raise InferenceUnavailable("no answer")

    inference.describe = broken  # type: ignore[method-assign,assignment]

    assert (await client.get("/api/v1/models")).status_code == 503
