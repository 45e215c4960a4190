"""A database that cannot be written refuses the request; nothing is half stored."""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from idc_contracts import utc_now
from idc_gateway import app as app_module
from idc_gateway.app import create_app
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.composition import build
from idc_gateway.errors import StoreUnavailable
from idc_gateway.settings import GatewaySettings
from idc_gateway.sql import database as database_module
from idc_gateway.sql.database import Database
from idc_gateway.store import Store, open_store
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus, RednessInference

RED = solid_png((250, 0, 0))


@pytest.fixture
def lock(store: Store, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's hold on the database, for which the gateway does not wait long."""
    assert isinstance(store.database, Database)
    with store.database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    lock = sqlite3.connect(tmp_path / "gateway.sqlite3")
    lock.execute("BEGIN IMMEDIATE")
    yield lock
    lock.close()


async def test_locked_database_is_reported_as_503_and_the_client_may_try_again(
    client: httpx.AsyncClient, lock: sqlite3.Connection
) -> None:
    refused = await client.post("/api/v1/classifications", content=RED)
    lock.rollback()
    accepted = await client.post("/api/v1/classifications", content=RED)

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert refused.json()["type"].endswith("store-unavailable")
    assert accepted.status_code == 201
    assert len((await client.get("/api/v1/classifications")).json()["items"]) == 1


@pytest.mark.usefixtures("lock")
def test_file_that_another_program_holds_is_reported_with_the_remedy(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="stop the program that holds its file, or wait: database is locked"):
        store.database.check()


def test_store_on_a_full_disk_does_not_work_until_there_is_room(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(store.database, Database)
    free = [0]
    monkeypatch.setattr(database_module, "disk_usage", lambda _folder: SimpleNamespace(free=free[0]))
    store.database.check()
    with store.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    large = [AuditEvent("made", "tester", "x" * 50_000, utc_now()) for _ in range(10)]

    with pytest.raises(StoreUnavailable, match="full"):
        store.audit.record(large)
    with pytest.raises(StoreUnavailable, match="the disk of the database is full, 0 bytes are left"):
        store.database.check()

    free[0] = 10**9
    store.database.check()


def test_file_that_is_not_a_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "gateway.sqlite3").write_bytes(b"no database" * 100)

    with pytest.raises(StoreUnavailable, match="the database does not work"):
        open_store(f"sqlite:///{tmp_path / 'gateway.sqlite3'}")


async def test_gateway_ends_though_a_background_task_does_not(
    settings: GatewaySettings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StubbornBus(MemoryBus):
        async def run(self, *arguments: Any) -> None:
            try:
                await super().run(*arguments)
            finally:
                await asyncio.Event().wait()

    monkeypatch.setattr(app_module, "END_TIMEOUT_S", 0.1)
    servers = {"http://inference": RednessInference()}
    app = create_app(build(settings, store=store, servers=servers, bus=StubbornBus()))

    async with asyncio.timeout(30), app.router.lifespan_context(app):
        pass


async def test_gateway_stops_when_a_background_task_fails(settings: GatewaySettings, store: Store) -> None:
    class BrokenBus(MemoryBus):
        async def run(self, *_arguments: Any) -> None:
            raise KeyError("a bug")

    stops: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: stops.append(number))
    try:
        app = create_app(
            build(settings, store=store, servers={"http://inference": RednessInference()}, bus=BrokenBus())
        )
        async with app.router.lifespan_context(app):
            await eventually(lambda: stops == [signal.SIGTERM])
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_bug_is_reported_with_the_id_in_the_log(
    client: httpx.AsyncClient, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_limit: int) -> list[Any]:
        raise KeyError("a bug")

    store.results.page = broken  # type: ignore[method-assign]

    answer = await client.get("/api/v1/classifications", headers={"X-Request-ID": "r-9"})

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "r-9"
    assert "r-9" in answer.json()["detail"]
    assert "a bug" not in answer.text
    assert [vars(record)["request_id"] for record in caplog.records if record.getMessage() == "unexpected error"] == [
        "r-9"
    ]
