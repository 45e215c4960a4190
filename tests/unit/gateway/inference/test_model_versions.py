"""An administrator lists the model's versions, promotes one and rolls back, and the audit chain says so."""

import httpx
import pytest
from aiohttp import web

from idc_gateway.errors import InferenceBroken, InferenceUnavailable, VersionRefused
from idc_gateway.inference.endpoint import Endpoint
from idc_gateway.inference.model_choice import choose_at
from idc_gateway.inference.oip_inference import OipInference
from support.answering_server import answering
from support.gateway_fakes import RednessInference

BASE = "/api/v1/models/versions"


async def test_versions_are_listed_for_each_server(client: httpx.AsyncClient) -> None:
    body = (await client.get(BASE)).json()

    (server,) = body["servers"]
    assert (body["name"], server["server"]) == ("idc", "http://inference")
    assert [(item["version"], item["state"]) for item in server["items"]] == [
        ("1001", "candidate"),
        ("1000", "withdrawn"),
        ("1", "serving"),
    ]


async def test_promotion_and_roll_back_reach_the_server_and_the_audit_chain(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    promoted = await client.post(f"{BASE}/1000/promote")
    back = await client.post(f"{BASE}/1000/roll-back")

    assert (promoted.status_code, back.status_code) == (200, 200)
    assert {item["version"]: item["state"] for item in promoted.json()["servers"][0]["items"]}["1000"] == "serving"
    assert inference.chosen == [("1000", "first", True), ("1000", "first", False)]
    assert [
        (record["action"], record["actor"], record["subject"], record["details"])
        for record in reversed((await client.get("/api/v1/audit")).json()["items"])
        if record["action"].startswith("model.")
    ] == [
        ("model.promotion-ordered", "first", "idc", {"version": "1000"}),
        ("model.roll-back-ordered", "first", "idc", {"version": "1000"}),
    ]


async def test_what_is_so_already_is_not_ordered_again(client: httpx.AsyncClient, inference: RednessInference) -> None:
    assert (await client.post(f"{BASE}/1/promote")).status_code == 200
    assert (await client.post(f"{BASE}/1000/roll-back")).status_code == 200

    assert inference.chosen == []


async def test_a_candidate_is_refused_with_the_command_to_run(
    client: httpx.AsyncClient, inference: RednessInference
) -> None:
    answer = await client.post(f"{BASE}/1001/promote")

    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "version-refused")
    assert "idc-trainer promote <models>/.candidates/<name>/1001 --data DATA --hold" in answer.json()["detail"]
    assert inference.chosen == []


@pytest.mark.parametrize("version", ["0", "x", "1.5", "-1", "9" * 40])
async def test_what_is_no_version_is_refused(client: httpx.AsyncClient, version: str) -> None:
    assert (await client.post(f"{BASE}/{version}/promote")).status_code == 422


async def test_an_absent_server_is_told(client: httpx.AsyncClient, inference: RednessInference) -> None:
    inference.failure = InferenceUnavailable("the inference service does not answer: try again in a moment")

    assert (await client.get(BASE)).status_code == 503
    assert (await client.post(f"{BASE}/1000/promote")).status_code == 503


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (400, {"error": "version 2 does not serve"}, VersionRefused, "version 2 does not serve"),
        (404, {"error": "not in its place"}, VersionRefused, "not in its place"),
        (500, {"error": "the choice cannot be kept"}, InferenceBroken, "cannot be kept"),
        (503, {"error": "stopping"}, InferenceUnavailable, "stopping"),
    ],
)
async def test_a_servers_refusal_is_told(status: int, body: dict[str, str], error: type[Exception], text: str) -> None:
    async def handle(_request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(body, status=status)

    async with answering(handle) as port:
        server = OipInference(f"http://127.0.0.1:{port}", "idc")
        with pytest.raises(error, match=text):
            await server.choose("2", "Ada", serves=False)
        await server.close()


async def test_a_server_without_versions_is_told_apart_from_one_that_fails() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.json_response([{"version": "x"}] if request.path.endswith("/versions") else {})

    async with answering(handle) as port:
        server = OipInference(f"http://127.0.0.1:{port}", "idc")
        with pytest.raises(InferenceBroken, match="list of versions"):
            await server.versions()
        await server.close()


async def test_after_a_failure_at_one_server_the_same_order_finishes_at_the_others() -> None:
    first, second = RednessInference(), RednessInference()
    endpoints = [Endpoint("http://a", first), Endpoint("http://b", second)]
    second.failure = InferenceUnavailable("away")

    with pytest.raises(InferenceUnavailable):
        await choose_at(endpoints, "1000", "Ada", serves=True)
    second.failure = None
    await choose_at(endpoints, "1000", "Ada", serves=True)

    assert first.chosen == second.chosen == [("1000", "Ada", True)]
