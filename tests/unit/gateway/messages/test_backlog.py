"""The outbox is bounded in size and age, and says when it grows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from idc_gateway.errors import OutboxFull
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.settings import GatewaySettings
from idc_gateway.store import Store
from support.audit_records import latest_record
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus

NOW = datetime(2026, 6, 1, tzinfo=UTC)
RED = solid_png((250, 0, 0))


@pytest.fixture
def wait_for(store: Store) -> Callable[[int, timedelta], None]:
    def put(count: int, age: timedelta) -> None:
        store.results.add([UnitOfWork(NOW - age, messages=[OutgoingMessage("topic", b"x")] * count)])

    return put


def backlog(store: Store, max_messages: int = 100, max_age_h: float = 24) -> Backlog:
    return Backlog(store.outbox, max_messages=max_messages, max_age=timedelta(hours=max_age_h), clock=lambda: NOW)


def test_waiting_messages_and_their_age_are_reported(store: Store, wait_for: Callable[[int, timedelta], None]) -> None:
    wait_for(3, timedelta(minutes=2))
    wait_for(2, timedelta(seconds=1))
    watched = backlog(store)

    watched.check()

    assert (watched.state.waiting, watched.state.oldest_age_s) == (5, 120)
    assert watched.state.is_degraded


def test_moment_of_waiting_is_not_reported_as_trouble(store: Store, wait_for: Callable[[int, timedelta], None]) -> None:
    wait_for(50, timedelta(seconds=2))
    watched = backlog(store)

    watched.check()

    assert not watched.state.is_degraded
    watched.check_room()


def test_full_outbox_takes_nothing_more(store: Store, wait_for: Callable[[int, timedelta], None]) -> None:
    wait_for(100, timedelta(0))
    watched = backlog(store)

    watched.check()

    with pytest.raises(OutboxFull, match="100 messages wait"):
        watched.check_room()


def test_too_old_messages_are_let_go_and_that_is_audited(
    store: Store, wait_for: Callable[[int, timedelta], None]
) -> None:
    wait_for(3, timedelta(hours=25))
    wait_for(2, timedelta(hours=23))
    watched = backlog(store)

    watched.check()

    assert (watched.state.waiting, watched.expired) == (2, 3)
    record = latest_record(store, "messages.expired")
    assert record is not None
    assert record.event.details["count"] == 3


async def test_gateway_with_a_full_outbox_says_so_and_recovers(
    client: httpx.AsyncClient, bus: MemoryBus, store: Store, settings: GatewaySettings
) -> None:
    bus.disconnect()
    store.results.add(
        [UnitOfWork(datetime.now(UTC), messages=[OutgoingMessage("t", b"x")] * settings.outbox_max_messages)]
    )
    await eventually(lambda: store.outbox.backlog()[0] == settings.outbox_max_messages)

    async def status() -> int:
        return (await client.post("/api/v1/classifications", content=RED)).status_code

    while (refused := await client.post("/api/v1/classifications", content=RED)).status_code == 201:
        pass  # until the gateway has looked
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "30"
    said = (await client.get("/api/v1/status")).json()
    assert said["broker_connected"] is False
    assert "the broker is not connected: messages wait in the outbox" in said["degraded"]
    await bus.connect()
    await eventually(lambda: store.outbox.backlog()[0] == 0)
    while await status() != 201:
        pass


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    return settings.model_copy(update={"outbox_max_messages": 100})
