"""What alarms did, on its way into the audit chain."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from idc_contracts import ALARM_ACTIONS, AlarmActed, AlarmAction, AlarmMode, utc_now
from idc_gateway.alarms.actions import AlarmActions
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable
from idc_gateway.store import Store
from support.audit_records import latest_record
from support.eventually import eventually
from support.gateway_fakes import MemoryBus


async def test_what_an_alarm_did_is_audited_once_however_often_it_is_sent(
    client: httpx.AsyncClient, bus: MemoryBus, store: Store
) -> None:
    await client.get("/livez")
    report = _acted(by="nurse", acted_on=uuid4(), note="seen", cleared=(uuid4(),), latency_ms=3.5, correlation_id="r-1")

    for _ in range(3):
        await _received(bus, report)

    (event,) = [record.event for record in store.audit.page(50) if record.event.actor == "alarm"]
    assert (event.details["by"], event.details["via"], event.details["note"]) == ("nurse", "message", "seen")
    assert event.details["cleared"] == [str(name) for name in report.cleared]
    assert (event.details["latency_ms"], event.request_id) == (3.5, "r-1")


@pytest.mark.parametrize(
    ("fields", "via"),
    [({"by": "button"}, "button"), ({"by": "button", "acted_on": uuid4()}, "message"), ({}, None)],
)
async def test_name_from_a_message_is_distinguished_from_the_button(
    client: httpx.AsyncClient, bus: MemoryBus, store: Store, fields: dict[str, Any], via: str | None
) -> None:
    await client.get("/livez")

    await _received(bus, _acted(**fields))

    (event,) = [record.event for record in store.audit.page(50) if record.event.actor == "alarm"]
    assert event.details["via"] == via


async def test_report_is_not_confirmed_while_the_database_fails(store: Store) -> None:
    class Failing:
        is_failing = True
        attempts = 0

        def record_once(self, events: Mapping[UUID, AuditEvent], now: datetime) -> None:
            self.attempts += 1
            if self.is_failing:
                raise StoreUnavailable("set to fail")
            store.audit.record_once(events, now)

    audit = Failing()
    actions = AlarmActions(audit, store_retry_s=0.01)  # type: ignore[arg-type] # a part of it
    writing = asyncio.create_task(actions.run())
    stored = actions.receive(ALARM_ACTIONS.at(site="site", device="alarm"), _acted().to_payload())
    assert stored is not None
    await eventually(lambda: audit.attempts >= 3)
    was_confirmed = stored.done()

    audit.is_failing = False
    await asyncio.wait_for(stored, 20)
    writing.cancel()

    assert not was_confirmed
    assert latest_record(store, "alarm.acknowledged") is not None


@pytest.mark.parametrize("junk", ["a\u0000b", "two\nlines", "\u202eabc"])
async def test_request_id_of_an_alarm_that_nothing_can_store_is_left_out(
    client: httpx.AsyncClient, bus: MemoryBus, store: Store, junk: str
) -> None:
    await client.get("/livez")

    await _received(bus, _acted(correlation_id=junk))

    record = latest_record(store, "alarm.acknowledged")
    assert record is not None
    assert record.event.request_id is None


def test_ids_of_reports_are_kept_longer_than_any_queue_and_then_forgotten(store: Store) -> None:
    name, other = uuid4(), uuid4()
    event = AuditEvent("alarm.acknowledged", "alarm", "alarm", utc_now())

    store.audit.record_once({name: event}, utc_now())
    store.audit.record_once({name: event}, utc_now() + timedelta(days=60))
    kept = len(store.audit.page(50))
    store.audit.record_once({other: event}, utc_now() + timedelta(days=91))
    store.audit.record_once({name: event}, utc_now() + timedelta(days=91))

    assert kept == 1
    assert len(store.audit.page(50)) == 3


def _acted(**fields: Any) -> AlarmActed:
    return AlarmActed(source="alarm", action=AlarmAction.ACKNOWLEDGED, state=AlarmMode.IDLE, **fields)


async def _received(bus: MemoryBus, report: AlarmActed) -> None:
    """Deliver a report, and wait until it is stored."""
    stored = bus.deliver(ALARM_ACTIONS.at(site="site", device="alarm"), report.to_payload())
    assert stored is not None
    await asyncio.wait_for(stored, 20)
