"""The alarms as they say they are, and acknowledging."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_STATE,
    ALARM_STATUS,
    NOTHING_SEEN,
    AcknowledgeAlarm,
    AlarmState,
    Lamps,
    ServiceStatus,
    utc_now,
)
from idc_gateway.alarms.board import MAX_ALARMS, AlarmBoard
from idc_gateway.store import Store
from support.demo_patches import solid_png
from support.eventually import eventually
from support.gateway_fakes import MemoryBus

STATE_TOPIC = ALARM_STATE.at(site="site", device="alarm")
STATUS_TOPIC = ALARM_STATUS.at(site="site", device="alarm")


def state(*, red: bool = False, blue: bool = False, **fields: Any) -> bytes:
    lamps = Lamps(red=red, blue=blue)
    return AlarmState(source="alarm", lamps=lamps, buzzer=red, changed_at=utc_now(), **fields).to_payload()


def status(word: str, *, is_session_new: bool = False) -> bytes:
    return ServiceStatus.model_validate(
        {"source": "alarm", "status": word, "version": "1", "is_session_new": is_session_new}
    ).to_payload()


async def test_alarm_is_shown_as_it_reports(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    newest = uuid4()
    bus.deliver(STATUS_TOPIC, status("online"))
    bus.deliver(STATE_TOPIC, state(red=True, findings=3, latest_finding=newest))

    answer = (await client.get("/api/v1/alarms")).json()

    assert answer["broker_connected"] is True
    (alarm,) = answer["items"]
    assert alarm["online"] is True
    assert alarm["lamps"] == {"red": True, "amber": False, "blue": False}
    assert alarm["buzzer"] is True
    assert (alarm["findings"], alarm["latest_finding"]) == (3, str(newest))


async def test_latest_results_are_sent_again_for_an_alarm_without_a_session(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    await client.post("/api/v1/classifications", content=solid_png((200, 0, 0)), headers={"Content-Type": "image/png"})
    await eventually(lambda: len(bus.published) == 1)

    bus.deliver(STATUS_TOPIC, status("online"))
    bus.deliver(STATUS_TOPIC, status("online", is_session_new=True))
    await eventually(lambda: len(bus.published) == 2)

    assert bus.published[0].payload == bus.published[1].payload


@pytest.mark.parametrize("reported", [[status("offline")], []])
async def test_alarm_that_is_gone_or_whose_presence_is_unknown_is_shown_offline(
    client: httpx.AsyncClient, bus: MemoryBus, reported: list[bytes]
) -> None:
    bus.deliver(STATE_TOPIC, state(blue=True))
    for payload in reported:
        bus.deliver(STATUS_TOPIC, payload)

    assert (await client.get("/api/v1/alarms")).json()["items"][0]["online"] is False


async def test_acknowledgement_goes_to_that_alarm_in_the_name_of_its_caller(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    bus.deliver(STATE_TOPIC, state(red=True))

    answer = await client.post("/api/v1/alarms/alarm/acknowledgements", json={"note": "seen, A. Pathologist"})
    await eventually(lambda: len(bus.published) == 1)

    assert answer.status_code == 202
    assert bus.published[0].topic == ALARM_ACKNOWLEDGEMENTS.at(site="site", device="alarm")
    command = AcknowledgeAlarm.from_payload(bus.published[0].payload)
    assert (command.by, command.note) == ("first", "seen, A. Pathologist")
    assert answer.json() == {"by": "first", "note": "seen, A. Pathologist", "up_to": None}


@pytest.mark.parametrize(
    ("command", "fields"), [("acknowledgements", {}), ("silences", {"duration_s": 60}), ("tests", {})]
)
async def test_caller_cannot_say_who_asks_nor_send_a_field_that_is_not_known(
    client: httpx.AsyncClient, store: Store, bus: MemoryBus, command: str, fields: dict[str, int]
) -> None:
    bus.deliver(STATE_TOPIC, state(red=True))

    refused = await client.post(f"/api/v1/alarms/alarm/{command}", json={**fields, "by": "Prof. X"})
    unknown = await client.post(f"/api/v1/alarms/alarm/{command}", json={**fields, "upto": str(uuid4())})
    accepted = await client.post(f"/api/v1/alarms/alarm/{command}", json={**fields, "note": "for Prof. X"})

    assert (refused.status_code, unknown.status_code) == (422, 422)
    assert "`note`" in refused.json()["detail"]
    assert accepted.json()["by"] == "first"
    record = store.audit.page(1)[0].event
    assert (record.actor, record.details["by"], record.details["note"]) == ("first", "first", "for Prof. X")


@pytest.mark.parametrize("note", ["", "two\nlines", "\x1b[2J", "right to left \u202e", "x" * 501, 7])
async def test_note_is_one_printable_line(client: httpx.AsyncClient, bus: MemoryBus, note: object) -> None:
    bus.deliver(STATE_TOPIC, state(red=True))

    assert (await client.post("/api/v1/alarms/alarm/tests", json={"note": note})).status_code == 422


async def test_acknowledgement_names_the_newest_finding_that_the_alarm_had_reported(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    first, second, named = uuid4(), uuid4(), uuid4()
    bus.deliver(STATE_TOPIC, state(red=True, findings=1, latest_finding=first))

    answer = await client.post(
        "/api/v1/alarms/alarm/acknowledgements", json={}, headers={"Idempotency-Key": "the-same-request"}
    )
    bus.deliver(STATE_TOPIC, state(red=True, findings=2, latest_finding=second))
    again = await client.post(
        "/api/v1/alarms/alarm/acknowledgements", json={}, headers={"Idempotency-Key": "the-same-request"}
    )
    explicit = await client.post("/api/v1/alarms/alarm/acknowledgements", json={"up_to": str(named)})
    await eventually(lambda: len(bus.published) == 2)

    assert answer.json()["up_to"] == again.json()["up_to"] == str(first)
    assert explicit.json()["up_to"] == str(named)
    sent = [AcknowledgeAlarm.from_payload(message.payload).up_to for message in bus.published]
    assert sent == [first, named]


async def test_acknowledgement_of_no_finding_clears_none_that_comes_meanwhile(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    await eventually(lambda: bus.is_connected)
    bus.deliver(STATUS_TOPIC, status("online"))
    bus.deliver(STATE_TOPIC, state())

    await client.post("/api/v1/alarms/alarm/acknowledgements", json={})
    await eventually(lambda: len(bus.published) == 1)

    assert AcknowledgeAlarm.from_payload(bus.published[0].payload).up_to == NOTHING_SEEN


@pytest.mark.parametrize("device", ["+", "Kitchen", "a_b", "a b"])
async def test_unknown_alarm_takes_no_command(client: httpx.AsyncClient, bus: MemoryBus, device: str) -> None:
    bus.deliver(f"idc/v1/site/{device}/alarm-state", state(red=True))

    answers = [
        await client.post(f"/api/v1/alarms/{device}/acknowledgements", json={}),
        await client.post(f"/api/v1/alarms/{device}/silences", json={"duration_s": 1}),
        await client.post(f"/api/v1/alarms/{device}/tests", json={}),
        await client.delete(f"/api/v1/alarms/{device}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert bus.published == []


async def test_alarm_that_is_gone_can_be_removed_and_its_retained_messages_go_too(
    client: httpx.AsyncClient, store: Store, bus: MemoryBus
) -> None:
    bus.deliver(STATUS_TOPIC, status("offline"))
    bus.deliver(STATE_TOPIC, state(red=True))

    answer = await client.delete("/api/v1/alarms/alarm")
    await eventually(lambda: len(bus.published) == 2)

    assert answer.status_code == 204
    assert (await client.get("/api/v1/alarms")).json()["items"] == []
    assert {(message.topic, message.payload) for message in bus.published} == {(STATE_TOPIC, b""), (STATUS_TOPIC, b"")}
    record = store.audit.page(1)[0].event
    assert (record.action, record.actor, record.subject) == ("alarm.removed", "first", "alarm")


async def test_removed_alarm_that_is_there_returns_with_its_next_report(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    bus.deliver(STATE_TOPIC, state(red=True))
    await client.delete("/api/v1/alarms/alarm")

    bus.deliver(STATE_TOPIC, state(red=True))

    assert len((await client.get("/api/v1/alarms")).json()["items"]) == 1


async def test_lost_broker_is_shown_beside_the_alarms(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    await eventually(lambda: bus.is_connected)
    bus.disconnect()

    assert (await client.get("/api/v1/alarms")).json()["broker_connected"] is False


def test_unreadable_message_is_counted_and_dropped() -> None:
    board = AlarmBoard()
    board.receive(STATE_TOPIC, state(blue=True))

    for payload in (b"{", b"\xff\xfe", b'{"schema_version": 2}', state(blue=True)[:40]):
        board.receive(STATE_TOPIC, payload)

    assert board.rejected_messages == 4
    assert board.all()[0].state is not None


def test_message_of_another_topic_is_ignored() -> None:
    board = AlarmBoard()

    board.receive("idc/v1/site/alarm/something", state(blue=True))

    assert board.all() == []


def test_flood_of_made_up_alarms_is_bounded() -> None:
    board = AlarmBoard()
    flood = [ALARM_STATUS.at(site="site", device=f"a{number}") for number in range(MAX_ALARMS + 50)]
    for topic in flood:
        board.receive(topic, status("online"))

    board.receive(STATUS_TOPIC, status("online"))
    board.receive(STATE_TOPIC, state(red=True))
    for topic in flood:
        board.receive(topic, status("online"))

    view = board.find("alarm")
    assert view is not None, "the real alarm is shown beside them"
    assert view.is_online
    assert view.state is not None
    assert len(board.all()) == MAX_ALARMS


def test_alarm_whose_retained_messages_were_deleted_is_forgotten() -> None:
    board = AlarmBoard()
    board.receive(STATUS_TOPIC, status("offline"))
    board.receive(STATE_TOPIC, state(red=True))

    board.receive(STATE_TOPIC, b"")
    board.receive(STATUS_TOPIC, b"")

    assert board.all() == []
    assert board.rejected_messages == 0
