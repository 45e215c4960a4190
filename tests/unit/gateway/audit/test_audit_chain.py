"""No record of the chain can be changed, removed or inserted unseen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from idc_gateway.audit.chain import EMPTY, AuditEvent, AuditRecord, ChainHead, record_after, verify
from idc_gateway.sql.database import Database
from idc_gateway.store import Store

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_events = st.builds(
    AuditEvent,
    action=st.text(min_size=1, max_size=8),
    actor=st.text(max_size=8),
    subject=st.text(max_size=8),
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    request_id=st.none() | st.text(max_size=8),
    details=st.dictionaries(st.text(max_size=4), _json, max_size=3),
)


def chain(events: list[AuditEvent]) -> tuple[list[AuditRecord], ChainHead]:
    records, head = [], EMPTY
    for event in events:
        record = record_after(head, event)
        records.append(record)
        head = ChainHead(record.sequence, record.sha256)
    return records, head


@given(st.lists(_events, max_size=6))
def test_untouched_chain_is_intact(events: list[AuditEvent]) -> None:
    records, head = chain(events)

    found = verify(records, head)

    assert found.is_intact
    assert (found.records, found.head) == (len(events), head)


@given(st.lists(_events, min_size=1, max_size=6), _events, st.data())
def test_changed_event_is_found_where_it_is(events: list[AuditEvent], other: AuditEvent, data: st.DataObject) -> None:
    records, head = chain(events)
    place = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(st.sampled_from(["action", "actor", "subject", "at", "request_id", "details"]))
    changed = replace(records[place].event, **{field: getattr(other, field)})
    if changed == records[place].event:
        return
    records[place] = replace(records[place], event=changed)

    assert verify(records, head).first_wrong == place + 1


@given(st.lists(_events, min_size=1, max_size=6), st.data())
def test_removed_record_is_found(events: list[AuditEvent], data: st.DataObject) -> None:
    records, head = chain(events)
    place = data.draw(st.integers(0, len(records) - 1))
    del records[place]

    found = verify(records, head)

    assert not found.is_intact
    assert found.first_wrong == place + 1


@given(st.lists(_events, max_size=6), _events, st.data())
def test_inserted_record_is_found(events: list[AuditEvent], forged: AuditEvent, data: st.DataObject) -> None:
    records, head = chain(events)
    place = data.draw(st.integers(0, len(records)))
    before = ChainHead(records[place - 1].sequence, records[place - 1].sha256) if place else EMPTY
    records.insert(place, record_after(before, forged))

    assert not verify(records, head).is_intact


@given(st.lists(_events, min_size=1, max_size=6), _events)
def test_chain_that_was_written_anew_does_not_fit_its_old_head(events: list[AuditEvent], forged: AuditEvent) -> None:
    _, head = chain(events)
    rewritten, _ = chain([*events[:-1], forged])
    if events[-1] == forged:
        return

    assert not verify(rewritten, head).is_intact


def event(number: int) -> AuditEvent:
    return AuditEvent(
        "a.tested", "someone", str(number), NOW + timedelta(seconds=number), "r-1", {"n": number, "x": 0.1}
    )


@pytest.mark.parametrize(
    ("attack", "first_wrong"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE sequence = 3", 3),
        ("UPDATE audit SET details = '{\"n\": 7}' WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 2", 2),
        ("DELETE FROM audit WHERE sequence = 5", 5),
        ("UPDATE audit SET sequence = 0 WHERE sequence = 1", 1),
        ("UPDATE audit_head SET sequence = 4", 5),
    ],
)
def test_store_finds_what_was_done_to_its_records(store: Store, attack: str, first_wrong: int) -> None:
    store.audit.record([event(number) for number in range(5)])
    assert store.audit.verify().is_intact
    assert isinstance(store.database, Database)

    with store.database.write() as connection:
        connection.execute(text(attack))

    found = store.audit.verify()
    assert not found.is_intact
    assert found.first_wrong == first_wrong


def test_records_come_back_newest_first_and_page_by_page(store: Store) -> None:
    for number in range(5):
        store.audit.record([event(number)])

    first = store.audit.page(3)
    second = store.audit.page(3, before=first[-1].sequence)

    assert [record.event.subject for record in [*first, *second]] == ["4", "3", "2", "1", "0"]
    assert first[0].event == event(4)
