"""What is slow or hangs in one pool costs the others nothing, and no caller waits without an end."""

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from idc_gateway import executors
from idc_gateway.audit.chain import EMPTY, Verification
from idc_gateway.audit.chain_check import ChainCheck
from idc_gateway.errors import Busy, ImagesUnavailable, StoreUnavailable
from idc_gateway.executors import Executor
from idc_gateway.shared_check import SharedCheck
from idc_gateway.web.rooms import Gateway
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryImages

RED = solid_png((250, 0, 0))


class Hang:
    """A call that hangs until the test ends."""

    def __init__(self) -> None:
        self.calls = 0
        self._over = threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        self.calls += 1
        self._over.wait(60)

    def end(self) -> None:
        self._over.set()


@pytest.fixture
def hang() -> Iterator[Hang]:
    hang = Hang()
    yield hang
    hang.end()


@pytest.fixture
async def gateway(app: FastAPI) -> Gateway:
    gateway: Gateway = app.state.gateway
    return gateway


async def test_queue_is_bounded_and_makes_room(hang: Hang) -> None:
    pool = Executor("tests", 1, waiting=1)
    calls = [asyncio.create_task(pool(hang)) for _ in range(2)]
    await eventually(lambda: pool.in_use == 2)

    with pytest.raises(Busy, match="2 tests"):
        await pool(hang)
    hang.end()
    await asyncio.gather(*calls)

    assert await pool(lambda: "free") == "free"


async def test_call_that_hangs_ends_for_its_caller_and_keeps_its_place(hang: Hang) -> None:
    pool = Executor("tests", 1, waiting=0, late=StoreUnavailable("not within {:.1f} s"), timeout_s=0.1)

    with pytest.raises(StoreUnavailable, match=r"not within 0\.1 s"):
        await pool(hang)
    with pytest.raises(Busy):
        await pool(hang)
    hang.end()
    await eventually(lambda: pool.in_use == 0)

    assert hang.calls == 1


async def test_own_time_out_of_what_is_called_stays_its_own() -> None:
    def slow_network() -> None:
        raise TimeoutError("the network")

    with pytest.raises(TimeoutError, match="the network"):
        await Executor("tests", 1, waiting=0, late=StoreUnavailable("late"), timeout_s=60)(slow_network)


async def test_iterator_is_read_step_by_step() -> None:
    assert [item async for item in Executor("tests", 1, waiting=0).iterate(iter("abc"))] == ["a", "b", "c"]


async def test_hung_walks_and_images_delay_no_read_write_or_readiness(
    gateway: Gateway, client: httpx.AsyncClient, hang: Hang, images: MemoryImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = (await client.post("/api/v1/classifications", content=RED)).json()["items"][0]
    monkeypatch.setattr(gateway.store.audit, "verify", hang)
    monkeypatch.setattr(images, "get", hang)
    image = f"/api/v1/classifications/{item['id']}/image"
    stuck = [asyncio.create_task(client.get("/api/v1/audit/verification")) for _ in range(6)]
    stuck += [asyncio.create_task(client.get(image)) for _ in range(6)]
    await eventually(lambda: hang.calls >= 7)

    ready = await client.get("/readyz")
    read = await client.get("/api/v1/classifications")
    written = await client.post(f"/api/v1/classifications/{item['id']}/review", json={"verdict": "idc"})

    assert (ready.status_code, read.status_code, written.status_code) == (200, 200, 201)
    assert not any(task.done() for task in stuck)
    hang.end()
    await asyncio.gather(*stuck)


async def test_hung_deletions_delay_no_write(
    client: httpx.AsyncClient, hang: Hang, images: MemoryImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = (await client.post("/api/v1/classifications", content=RED)).json()["items"][0]
    monkeypatch.setattr(images, "delete", hang)

    deleted = await client.delete(f"/api/v1/classifications/{item['id']}")
    again = await client.post("/api/v1/classifications", content=RED)

    assert (deleted.status_code, again.status_code) == (204, 201)
    found = await client.get(f"/api/v1/classifications/{again.json()['items'][0]['id']}/image")
    assert found.content == RED


async def test_image_store_that_hangs_is_reported_within_the_deadline(
    client: httpx.AsyncClient, hang: Hang, images: MemoryImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "put", hang)
    quick = Executor("images", 2, waiting=9, late=ImagesUnavailable("not within {:.1f} s"), timeout_s=0.2)
    monkeypatch.setattr(executors, "images", quick)

    refused = await client.post("/api/v1/classifications", content=RED)

    assert refused.status_code == 503
    assert refused.json()["type"].endswith("images-unavailable")
    assert (await client.get("/api/v1/classifications")).json()["items"] == []


async def test_readiness_turns_when_the_database_works_again() -> None:
    broken = [StoreUnavailable("the disk is full")]

    def check() -> None:
        if broken:
            raise broken[0]

    health = SharedCheck(check, timeout_s=60)

    assert await health.result() == "failed: the disk is full"
    broken.clear()
    assert await health.result() == "ok"


class Walks:
    """A chain whose walks the test ends."""

    def __init__(self) -> None:
        self.begun = self.at_once = self.most_at_once = 0
        self.go_on = threading.Semaphore(0)

    def verify(self) -> Verification:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.go_on.acquire(timeout=60)
        self.at_once -= 1
        return Verification(self.begun, EMPTY)


async def test_who_asks_during_a_walk_shares_the_next_one() -> None:
    walks = Walks()
    check = ChainCheck(walks)  # type: ignore[arg-type]
    first = asyncio.create_task(check.verify())
    await eventually(lambda: walks.begun == 1)
    others = [asyncio.create_task(check.verify()) for _ in range(5)]
    await asyncio.sleep(0)
    walks.go_on.release(2)

    found = [(await task).records for task in [first, *others]]

    assert found == [1, 2, 2, 2, 2, 2]
    assert (walks.begun, walks.most_at_once) == (2, 1)
