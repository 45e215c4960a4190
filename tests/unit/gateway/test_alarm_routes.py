"""The alarms as they say they are, and acknowledging."""

import httpx

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_STATE,
    ALARM_STATUS,
    AcknowledgeAlarm,
    AlarmState,
    Lamps,
    ServiceStatus,
    utc_now,
)
from idc_gateway.alarms import MAX_ALARMS, AlarmBoard
from idc_gateway.fakes import MemoryBus
from support.demo_patches import solid_png
from support.eventually import eventually

STATE_TOPIC = ALARM_STATE.at(site="site", device="alarm")
STATUS_TOPIC = ALARM_STATUS.at(site="site", device="alarm")


def state(**lamps: bool) -> bytes:
    red = lamps.get("red", False)
    return AlarmState(source="alarm", lamps=Lamps(**lamps), buzzer=red, changed_at=utc_now()).to_payload()


def status(word: str, *, is_session_new: bool = False) -> bytes:
    return ServiceStatus.model_validate(
        {"source": "alarm", "status": word, "version": "1", "is_session_new": is_session_new}
    ).to_payload()


async def test_alarm_is_shown_as_it_reports(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    bus.deliver(STATUS_TOPIC, status("online"))
    bus.deliver(STATE_TOPIC, state(red=True))

    answer = (await client.get("/api/v1/alarms")).json()

    assert answer["broker_connected"] is True
    (alarm,) = answer["items"]
    assert alarm["online"] is True
    assert alarm["lamps"] == {"red": True, "amber": False, "blue": False}
    assert alarm["buzzer"] is True


async def test_latest_results_are_sent_again_for_an_alarm_without_a_session(
    client: httpx.AsyncClient, bus: MemoryBus
) -> None:
    await client.post("/api/v1/classifications", content=solid_png((200, 0, 0)), headers={"Content-Type": "image/png"})
    await eventually(lambda: len(bus.published) == 1)

    bus.deliver(STATUS_TOPIC, status("online"))
    bus.deliver(STATUS_TOPIC, status("online", is_session_new=True))
    await eventually(lambda: len(bus.published) == 2)

    assert bus.published[0].payload == bus.published[1].payload


async def test_alarm_that_is_gone_is_shown_offline(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    bus.deliver(STATE_TOPIC, state(blue=True))
    bus.deliver(STATUS_TOPIC, status("offline"))

    assert (await client.get("/api/v1/alarms")).json()["items"][0]["online"] is False


async def test_alarm_whose_presence_is_unknown_is_not_called_online(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    bus.deliver(STATE_TOPIC, state(blue=True))

    assert (await client.get("/api/v1/alarms")).json()["items"][0]["online"] is False


async def test_acknowledgement_goes_to_that_alarm(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    bus.deliver(STATE_TOPIC, state(red=True))

    answer = await client.post("/api/v1/alarms/alarm/acknowledgements", json={"by": "A. Pathologist"})
    await eventually(lambda: len(bus.published) == 1)

    assert answer.status_code == 202
    assert bus.published[0].topic == ALARM_ACKNOWLEDGEMENTS.at(site="site", device="alarm")
    assert AcknowledgeAlarm.from_payload(bus.published[0].payload).by == "A. Pathologist"


async def test_unknown_alarm_cannot_be_acknowledged(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    answer = await client.post("/api/v1/alarms/+/acknowledgements", json={"by": "x"})

    assert answer.status_code == 404
    assert bus.published == []


async def test_lost_broker_is_told_beside_the_alarms(client: httpx.AsyncClient, bus: MemoryBus) -> None:
    await eventually(lambda: bus.is_connected)
    bus.disconnect()

    assert (await client.get("/api/v1/alarms")).json()["broker_connected"] is False


def test_unreadable_message_is_counted_and_dropped() -> None:
    board = AlarmBoard()
    board.take(STATE_TOPIC, state(blue=True))

    for payload in (b"", b"{", b"\xff\xfe", b'{"schema_version": 2}', state(blue=True)[:40]):
        board.take(STATE_TOPIC, payload)

    assert board.rejected_messages == 5
    assert board.all()[0].state is not None


def test_message_of_another_topic_is_ignored() -> None:
    board = AlarmBoard()

    board.take("idc/v1/site/alarm/something", state(blue=True))

    assert board.all() == []


def test_flood_of_made_up_alarms_is_bounded() -> None:
    board = AlarmBoard()

    for number in range(MAX_ALARMS + 50):
        board.take(ALARM_STATUS.at(site="site", device=f"a{number}"), status("online"))

    assert len(board.all()) == MAX_ALARMS
