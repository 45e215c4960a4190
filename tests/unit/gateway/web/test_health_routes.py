"""Whether the gateway lives and can work."""

import asyncio
import threading

import httpx
from fastapi import FastAPI

from idc_gateway.store import Store
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference


async def test_gateway_with_all_its_parts_is_ready(stranger: httpx.AsyncClient, app: FastAPI) -> None:
    await eventually(lambda: app.state.gateway.inference.is_ready)

    answer = await stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"store": "ok", "inference": "ok", "broker": "ok"}}


async def test_lost_broker_degrades_and_results_are_still_taken(stranger: httpx.AsyncClient, bus: MemoryBus) -> None:
    await eventually(lambda: bus.is_connected)
    bus.disconnect()

    answer = await stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["checks"]["broker"].startswith("degraded")


async def test_missing_inference_is_not_ready_but_alive(
    stranger: httpx.AsyncClient, app: FastAPI, inference: RednessInference
) -> None:
    inference.ready = False
    await app.state.gateway.inference.look()

    assert (await stranger.get("/readyz")).status_code == 503
    assert (await stranger.get("/livez")).status_code == 200


async def test_no_request_about_health_asks_inference(
    stranger: httpx.AsyncClient, client: httpx.AsyncClient, app: FastAPI, inference: RednessInference
) -> None:
    await eventually(lambda: app.state.gateway.inference.is_ready)

    async def hang() -> bool:
        await asyncio.Event().wait()
        raise AssertionError

    inference.is_ready = hang  # type: ignore[method-assign]
    answers = [await stranger.get("/readyz") for _ in range(20)] + [await client.get("/api/v1/status")]
    models = await client.get("/api/v1/models")

    assert {answer.status_code for answer in answers} == {200}
    assert models.json()["items"][0]["ready"] is True


async def test_store_that_hangs_is_reported_and_checked_by_one_thread(
    stranger: httpx.AsyncClient, app: FastAPI, store: Store
) -> None:
    checks, go_on = 0, threading.Event()

    def hang() -> None:
        nonlocal checks
        checks += 1
        go_on.wait(60)

    store.database.check = hang  # type: ignore[method-assign]
    app.state.gateway.store_check._timeout_s = 0.05
    answers = await asyncio.gather(*(stranger.get("/readyz") for _ in range(10)))
    go_on.set()

    assert {answer.status_code for answer in answers} == {503}
    assert "no answer within" in answers[0].json()["checks"]["store"]
    assert checks == 1
