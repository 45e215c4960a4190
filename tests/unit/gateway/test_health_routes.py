"""Whether the gateway lives and can work."""

import asyncio

import httpx

from idc_gateway.errors import StoreUnavailable
from idc_gateway.fakes import MemoryBus, RednessInference
from idc_gateway.store_ports import Store
from support.eventually import eventually


async def test_gateway_with_all_its_parts_is_ready(stranger: httpx.AsyncClient) -> None:
    await asyncio.sleep(0.01)
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
    stranger: httpx.AsyncClient, inference: RednessInference
) -> None:
    inference.ready = False

    assert (await stranger.get("/readyz")).status_code == 503
    assert (await stranger.get("/livez")).status_code == 200


async def test_lost_store_is_not_ready(stranger: httpx.AsyncClient, store: Store) -> None:
    def broken() -> None:
        raise StoreUnavailable("the disk is gone")

    store.database.check = broken  # type: ignore[method-assign]

    answer = await stranger.get("/readyz")

    assert answer.status_code == 503
    assert "the disk is gone" in answer.json()["checks"]["store"]
