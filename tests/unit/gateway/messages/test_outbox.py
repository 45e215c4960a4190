"""Messages leave in order, at least once, whatever the broker does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable
from idc_gateway.messages.outbox import AT_ONCE, BATCH, KEEP_PUBLISHED, REPLAY_LIMIT, Outbox
from idc_gateway.messages.outbox_store import Numbered, OutboxStore
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.results.unit_of_work import UnitOfWork
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import outbox as outbox_table
from idc_gateway.store import Store
from support.eventually import eventually
from support.gateway_fakes import MemoryBus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def messages(count: int, start: int = 0) -> list[OutgoingMessage]:
    return [OutgoingMessage("topic", str(number).encode()) for number in range(start, start + count)]


def numbers(bus: MemoryBus) -> list[int]:
    return [int(message.payload) for message in bus.published]


def rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(outbox_table)).scalar_one()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def outbox(store: Store, bus: MemoryBus, clock: Clock) -> AsyncIterator[Outbox]:
    outbox = Outbox(store.outbox, bus, clock=clock)
    tasks = [
        asyncio.create_task(bus.run(outbox.on_connected, lambda _topic, _payload: None)),
        asyncio.create_task(outbox.run()),
    ]
    await eventually(lambda: bus.is_connected)
    yield outbox
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_stored_messages_are_published_in_order(store: Store, bus: MemoryBus, outbox: Outbox) -> None:
    store.results.add([UnitOfWork(NOW, messages=messages(250))])
    outbox.wake()

    await eventually(lambda: len(bus.published) == 250)

    assert numbers(bus) == list(range(250))
    await eventually(lambda: store.outbox.backlog()[0] == 0)


async def test_messages_wait_while_the_broker_is_away(store: Store, bus: MemoryBus, outbox: Outbox) -> None:
    bus.fail_after = 3
    store.results.add([UnitOfWork(NOW, messages=messages(10))])
    outbox.wake()
    await eventually(lambda: not bus.is_connected)
    await eventually(lambda: store.outbox.backlog()[0] == 7)

    await bus.connect()
    await eventually(lambda: store.outbox.backlog()[0] == 0)

    # The three that were confirmed just before the loss are sent again: a crashed broker may not have kept them.
    assert numbers(bus) == [0, 1, 2, *range(10)]


async def test_only_the_newest_messages_are_sent_again(store: Store, bus: MemoryBus, outbox: Outbox) -> None:
    store.results.add([UnitOfWork(NOW, messages=messages(REPLAY_LIMIT + 10))])
    outbox.wake()
    await eventually(lambda: store.outbox.backlog()[0] == 0 and len(bus.published) == REPLAY_LIMIT + 10)
    bus.published.clear()

    await bus.connect()
    await eventually(lambda: len(bus.published) == REPLAY_LIMIT)

    assert numbers(bus) == list(range(10, REPLAY_LIMIT + 10))


@pytest.mark.parametrize("refused", [1, 3 * BATCH])
async def test_messages_that_the_broker_refuses_hold_no_other_up(
    store: Store, bus: MemoryBus, clock: Clock, refused: int
) -> None:
    bus.refused_topics.add("not allowed")
    odd = [OutgoingMessage("not allowed", b"-1")] * refused
    store.results.add([UnitOfWork(NOW, messages=[*odd, *messages(2)])])
    outbox = Outbox(store.outbox, bus, clock=clock, idle_s=0.01)
    running = asyncio.gather(bus.run(outbox.on_connected, lambda _topic, _payload: None), outbox.run())

    await eventually(lambda: numbers(bus) == [0, 1])
    assert store.outbox.backlog()[0] >= refused
    bus.refused_topics.clear()
    await eventually(lambda: len(bus.published) == refused + 2)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class WaitingBus(MemoryBus):
    """Confirms nothing before the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[OutgoingMessage] = []
        self.may_confirm = asyncio.Event()

    async def publish(self, message: OutgoingMessage) -> None:
        self.sent.append(message)
        await self.may_confirm.wait()
        await super().publish(message)


async def test_several_messages_are_sent_in_order_before_the_first_is_confirmed(store: Store) -> None:
    bus = WaitingBus()
    store.results.add([UnitOfWork(NOW, messages=messages(3 * AT_ONCE))])
    outbox = Outbox(store.outbox, bus)
    running = asyncio.gather(bus.run(outbox.on_connected, lambda _topic, _payload: None), outbox.run())

    await eventually(lambda: len(bus.sent) == AT_ONCE)
    assert not bus.published
    bus.may_confirm.set()
    await eventually(lambda: len(bus.published) == 3 * AT_ONCE)

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert numbers(bus) == list(range(3 * AT_ONCE))
    assert bus.sent == bus.published


async def test_message_stored_before_a_crash_is_published_after_it(store: Store) -> None:
    store.results.add([UnitOfWork(NOW, messages=messages(1))])  # and the process ends here

    bus = MemoryBus()
    reborn = Outbox(store.outbox, bus)
    await bus.connect()
    task = asyncio.create_task(reborn.run())
    await eventually(lambda: numbers(bus) == [0])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_published_messages_are_forgotten_in_time(
    store: Store, bus: MemoryBus, outbox: Outbox, clock: Clock
) -> None:
    store.results.add([UnitOfWork(NOW, messages=messages(5))])
    outbox.wake()
    await eventually(lambda: store.outbox.backlog()[0] == 0)
    clock.now += KEEP_PUBLISHED + timedelta(seconds=1)
    store.results.add([UnitOfWork(clock.now, messages=messages(1))])
    outbox.wake()
    await eventually(lambda: len(bus.published) == 6 and store.outbox.backlog()[0] == 0)

    assert isinstance(store.database, Database)
    await eventually(lambda: rows(store.database) == 1)


class BusWithExpiry(MemoryBus):
    """Just when it confirmed the first message, that one becomes too old, and another is stored."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    async def publish(self, message: OutgoingMessage) -> None:
        await super().publish(message)
        if len(self.published) == 1:
            event = AuditEvent("messages.expired", "gateway", "outbox", NOW)
            self._store.outbox.expire(NOW + timedelta(days=1), event)
            self._store.results.add([UnitOfWork(NOW, messages=messages(1, start=1))])


async def test_message_that_expires_while_it_is_sent_hides_no_other(store: Store) -> None:
    bus = BusWithExpiry(store)
    outbox = Outbox(store.outbox, bus, idle_s=0.01)
    store.results.add([UnitOfWork(NOW, messages=messages(1))])
    await bus.connect()
    task = asyncio.create_task(outbox.run())

    await eventually(lambda: numbers(bus) == [0, 1] and store.outbox.backlog()[0] == 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class FlakyOutbox(OutboxStore):
    is_broken = True

    def waiting(self, limit: int, after: int = 0) -> list[tuple[int, OutgoingMessage]]:
        if self.is_broken:
            raise StoreUnavailable("the disk is full")
        return super().waiting(limit, after)


async def test_broken_store_delays_the_outbox_and_does_not_end_it(store: Store, bus: MemoryBus) -> None:
    store.results.add([UnitOfWork(NOW, messages=messages(3))])
    assert isinstance(store.database, Database)
    flaky = FlakyOutbox(store.database)
    outbox = Outbox(flaky, bus, store_retry_s=0.01)
    await bus.connect()
    task = asyncio.create_task(outbox.run())
    await asyncio.sleep(0.05)
    assert bus.published == []

    flaky.is_broken = False

    await eventually(lambda: numbers(bus) == [0, 1, 2])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class CountingOutbox(OutboxStore):
    reads = 0

    def waiting(self, limit: int, after: int = 0) -> list[Numbered]:
        self.reads += 1
        return super().waiting(limit, after)


async def test_what_is_given_is_published_without_a_read_and_a_gap_is_read(store: Store, bus: MemoryBus) -> None:
    counting = CountingOutbox(store.database)
    outbox = Outbox(counting, bus)
    await bus.connect()
    task = asyncio.create_task(outbox.run())
    outbox.take(store.results.store([UnitOfWork(NOW, messages=messages(1))]).messages)
    await eventually(lambda: numbers(bus) == [0])
    before = counting.reads

    for number in (1, 2):
        outbox.take(store.results.store([UnitOfWork(NOW, messages=messages(1, start=number))]).messages)
        await eventually(lambda: numbers(bus)[-1] == number)  # noqa: B023 - it is called at once
    assert counting.reads == before

    store.results.add([UnitOfWork(NOW, messages=messages(1, start=3))])  # its writer was cut off before it said so
    outbox.take(store.results.store([UnitOfWork(NOW, messages=messages(1, start=4))]).messages)
    await eventually(lambda: numbers(bus) == [0, 1, 2, 3, 4])
    await eventually(lambda: store.outbox.backlog()[0] == 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_given_while_the_broker_fails_is_read_and_published_in_order(
    store: Store, bus: MemoryBus, outbox: Outbox
) -> None:
    outbox.take(store.results.store([UnitOfWork(NOW, messages=messages(1))]).messages)
    await eventually(lambda: numbers(bus) == [0])
    bus.fail_after = 1

    outbox.take(store.results.store([UnitOfWork(NOW, messages=messages(5, start=1))]).messages)
    await eventually(lambda: not bus.is_connected)
    outbox.take(store.results.store([UnitOfWork(NOW, messages=messages(1, start=6))]).messages)
    bus.fail_after = None
    bus.reconnect()

    await eventually(lambda: numbers(bus) == list(range(7)))
