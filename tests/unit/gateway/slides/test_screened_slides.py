"""Each screened slide gives one event and one audit record, whatever is killed when."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from starlette.responses import Response

from idc_contracts import SLIDES, Decision, SlideScreened
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import OutboxFull, SlidesBroken, SlidesUnavailable, StoreUnavailable
from idc_gateway.messages.backlog import Backlog, BacklogState
from idc_gateway.messages.leadership import ALONE
from idc_gateway.messages.outbox import Outbox
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.slides.connection import SlidesConnection
from idc_gateway.slides.follower import AT_ONCE, ScreenedFollower
from idc_gateway.slides.screened import Announcement, ScreenedEntry, announcement_of
from idc_gateway.slides.screened_store import ScreenedStore
from idc_gateway.store import Store
from support.eventually import eventually
from support.gateway_fakes import MemoryBus
from support.slides_fake import NOW, FakeSlides, screened_slide

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
async def connection(slides_address: str) -> AsyncIterator[SlidesConnection]:
    connection = SlidesConnection(slides_address, stall_s=5)
    yield connection
    await connection.close()


@pytest.fixture
def follower(connection: SlidesConnection, store: Store, bus: MemoryBus) -> ScreenedFollower:
    return make_follower(connection, store, bus)


def make_follower(connection: SlidesConnection, store: Store, bus: MemoryBus) -> ScreenedFollower:
    backlog = Backlog(store.outbox, max_messages=1000, max_age=timedelta(hours=1))
    outbox = Outbox(store.outbox, bus)
    return ScreenedFollower(
        connection, store.screened, outbox, backlog, ALONE, "site", "gateway", clock=lambda: LATER, look_every_s=0.01
    )


def events(store: Store) -> list[SlideScreened]:
    return [SlideScreened.from_payload(message.payload) for _, message in store.outbox.waiting(1000)]


def records(store: Store) -> list[AuditEvent]:
    found = [record.event for record in store.audit.page(1000)]
    return [event for event in reversed(found) if event.action.startswith("slide.")]


async def test_slide_gives_one_event_and_one_record(
    follower: ScreenedFollower, slides: FakeSlides, store: Store
) -> None:
    message_id = uuid4()
    slide = slides.finish(screened_slide("idc", name="Jane Doe.svs", sha256="ab" * 32), message_id)

    assert await follower.turn() is False
    assert await follower.turn() is False

    (event,) = events(store)
    assert (event.message_id, event.slide_id, event.decision) == (message_id, slide.id, "idc")
    assert (event.sent_at, event.screened_at) == (NOW, NOW)
    assert (event.tissue_mm2, event.idc_mm2, event.minimum_idc_mm2) == (200.0, 12.0, 0.2)
    assert store.outbox.waiting(1)[0][1].topic == SLIDES.at(site="site", device="gateway")
    (record,) = records(store)
    assert (record.action, record.actor, record.subject) == ("slide.screened", "gateway", str(slide.id))
    assert record.details["decision"] == "idc"
    assert record.details["received_by"] == "folder"
    assert "Jane" not in json.dumps(record.details) + event.model_dump_json()
    assert store.screened.last() == 1
    assert store.audit.verify().is_intact


async def test_decision_that_reviews_changed_gives_an_event_and_a_record_of_its_own(
    follower: ScreenedFollower, slides: FakeSlides, store: Store
) -> None:
    slide = slides.finish(screened_slide("no_idc"))
    slides.finish(slide.model_copy(update={"decision": Decision.IDC}), decided_at=NOW + timedelta(seconds=30))

    await follower.turn()

    first, changed = events(store)
    assert [(event.slide_id, event.decision) for event in (first, changed)] == [(slide.id, "no_idc"), (slide.id, "idc")]
    assert (changed.sent_at, changed.screened_at) == (NOW + timedelta(seconds=30), NOW)
    assert [record.action for record in records(store)] == ["slide.screened", "slide.decision-changed"]


async def test_slides_are_announced_in_their_order_over_many_pages(
    follower: ScreenedFollower, slides: FakeSlides, store: Store
) -> None:
    ids = [slides.finish(screened_slide("no_idc")).id for _ in range(2 * AT_ONCE + 3)]

    while await follower.turn():
        pass

    assert [event.slide_id for event in events(store)] == ids
    assert [record.subject for record in records(store)] == [str(one) for one in ids]


async def test_clock_of_the_service_that_is_ahead_does_not_date_an_event_into_the_future(
    follower: ScreenedFollower, slides: FakeSlides, store: Store
) -> None:
    slides.finish(screened_slide("idc", finished_at=datetime(2030, 1, 1, tzinfo=UTC)))

    await follower.turn()

    assert events(store)[0].sent_at == LATER


async def test_nothing_is_stored_by_halves(
    follower: ScreenedFollower, slides: FakeSlides, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between two steps: each later step of the transaction fails in turn, and the next turn does it all."""
    slides.finish(screened_slide("idc"))
    for step in ("append", "outbox_store.put", "insert", "update"):
        with monkeypatch.context() as patch:
            patch.setattr(f"idc_gateway.slides.screened_store.{step}", _fail)
            with pytest.raises(ZeroDivisionError):
                await follower.turn()
        assert (events(store), records(store), store.screened.last()) == ([], [], 0), step

    await follower.turn()
    assert (len(events(store)), len(records(store)), store.screened.last()) == (1, 1, 1)


def _fail(*_arguments: object, **_options: object) -> None:
    raise ZeroDivisionError("set to fail")


async def test_answer_that_is_lost_after_the_commit_changes_nothing(
    connection: SlidesConnection, slides: FakeSlides, store: Store, bus: MemoryBus
) -> None:
    """A kill right after the commit: another process goes on from what is stored."""
    slides.finish(screened_slide("idc"))
    await make_follower(connection, store, bus).turn()
    slides.finish(screened_slide("uncertain"))

    await make_follower(connection, store, bus).turn()

    assert [event.decision for event in events(store)] == ["idc", "uncertain"]
    assert len(records(store)) == 2


async def test_two_gateways_on_one_database_that_both_read_the_list_announce_once(
    connection: SlidesConnection, slides: FakeSlides, store: Store, bus: MemoryBus
) -> None:
    for _ in range(20):
        slides.finish(screened_slide("idc"))

    await asyncio.gather(*(make_follower(connection, store, bus).turn() for _ in range(4)))

    assert len(events(store)) == len(records(store)) == 20


async def test_list_that_begins_anew_is_read_from_its_start_and_repeats_nothing(
    follower: ScreenedFollower, slides: FakeSlides, store: Store
) -> None:
    """The slides service's database was restored, or its newest records were deleted."""
    for _ in range(3):
        slides.finish(screened_slide("idc"))
    await follower.turn()
    slides.screened = slides.screened[:1]
    new = slides.finish(screened_slide("uncertain"))

    await follower.turn()
    await follower.turn()

    assert [event.decision for event in events(store)] == ["idc", "idc", "idc", "uncertain"]
    assert events(store)[-1].slide_id == new.id


async def test_list_that_is_empty_again_is_no_trouble(
    follower: ScreenedFollower, slides: FakeSlides, store: Store
) -> None:
    slides.finish(screened_slide("idc"))
    await follower.turn()
    slides.screened.clear()

    await follower.turn()

    assert store.screened.last() == 0
    assert len(events(store)) == 1


@pytest.mark.parametrize("change", [{"decision": None}, {"model": None}, {"state": "of a later version"}])
async def test_record_that_cannot_be_announced_is_recorded_and_holds_nothing_up(
    follower: ScreenedFollower, slides: FakeSlides, store: Store, change: dict[str, object]
) -> None:
    odd = slides.finish(screened_slide("idc"))
    slides.screened[0]["slide"] |= change
    good = slides.finish(screened_slide("idc"))

    await follower.turn()

    assert [event.slide_id for event in events(store)] == [good.id]
    assert [record.action for record in records(store)] == ["slide.not-announced", "slide.screened"]
    assert records(store)[0].subject == str(odd.id)


async def test_full_outbox_lets_slides_wait(follower: ScreenedFollower, slides: FakeSlides, store: Store) -> None:
    slides.finish(screened_slide("idc"))
    follower.backlog.state = BacklogState(waiting=1000)

    with pytest.raises(OutboxFull):
        await follower.turn()

    assert store.screened.last() == 0


async def test_list_in_another_form_is_an_error(follower: ScreenedFollower, slides: FakeSlides) -> None:
    slides.finish(screened_slide("idc"))
    slides.screened[0]["message_id"] = "no id"

    with pytest.raises(SlidesBroken, match="message_id"):
        await follower.turn()


class _Follows:
    """Leads, or not."""

    def hold(self) -> bool:
        return False

    def release(self) -> None:
        return


async def test_gateway_that_does_not_lead_asks_nothing(follower: ScreenedFollower, slides: FakeSlides) -> None:
    follower.leadership = _Follows()

    assert await follower.turn() is False
    assert slides.callers == []


async def test_trouble_is_told_and_ends(follower: ScreenedFollower, slides: FakeSlides, store: Store) -> None:
    follower.retry_s = 0.01
    task = asyncio.create_task(follower.run())
    slides.refusal = Response("no", 500)
    await eventually(lambda: follower.trouble is not None)
    slides.finish(screened_slide("idc"))
    slides.refusal = None

    await eventually(lambda: follower.trouble is None and len(events(store)) == 1)
    task.cancel()


async def test_event_reaches_the_broker_from_a_running_gateway(
    app: FastAPI, client: httpx.AsyncClient, slides: FakeSlides, bus: MemoryBus
) -> None:
    slide = slides.finish(screened_slide("idc"))

    def published() -> list[OutgoingMessage]:
        return [message for message in bus.published if message.topic.endswith("/slides")]

    await eventually(lambda: bool(published()))
    assert SlideScreened.from_payload(published()[0].payload).slide_id == slide.id
    status = (await client.get("/api/v1/status")).json()
    assert (status["slides"], status["slides_version"]) == ("ok", "1.2.3")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8), is_killed=st.lists(st.booleans(), max_size=8)
)
def test_any_order_of_reads_and_kills_announces_each_slide_once(
    store: Store, steps: list[list[int]], is_killed: list[bool]
) -> None:
    """Whatever part of the list is read how often, and whichever transactions a kill rolls back."""
    messages = [uuid4() for _ in range(10)]
    before = len(events(store))
    expected: set[UUID] = set()
    for place, step in enumerate(steps):
        found = [_announcement(number + 1, messages[number]) for number in step]
        if place < len(is_killed) and is_killed[place]:
            with pytest.raises(StoreUnavailable):
                _record_and_die(store, found)
            continue
        store.screened.record(found, max(step, default=0), NOW)
        expected |= {one.message_id for one in found}

    new = [event.message_id for event in events(store)][before:]
    assert len(new) == len(set(new)) == len(expected)
    assert set(new) == expected


def _announcement(number: int, message_id: UUID) -> Announcement:
    entry = ScreenedEntry(number=number, message_id=message_id, slide=screened_slide("idc").model_dump(mode="json"))
    return announcement_of(entry, site="site", device="gateway", now=NOW)


class _Dying:
    """A database whose process dies before the commit, with everything in the open transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._store.database.write() as connection:
            yield connection
            raise StoreUnavailable("set to die before the commit")


def _record_and_die(store: Store, found: list[Announcement]) -> None:
    ScreenedStore(_Dying(store)).record(found, 99, NOW)  # type: ignore[arg-type] # a part of it


async def test_service_that_is_away_is_unavailable(store: Store, bus: MemoryBus) -> None:
    connection = SlidesConnection("http://127.0.0.1:9", stall_s=5)

    with pytest.raises(SlidesUnavailable, match="does not answer"):
        await make_follower(connection, store, bus).turn()

    await connection.close()
