"""What an alarm did reaches the audit chain once, whoever was away meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_ACTIONS,
    ALARM_STATE,
    ALARM_STATUS,
    CLASSIFICATIONS,
    AlarmActed,
    AlarmAction,
    AlarmMode,
    AlarmState,
    Lamps,
)
from idc_gateway.alarms.actions import AlarmActions
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import StoreUnavailable
from idc_gateway.messages.mqtt_bus import MqttBus
from idc_gateway.messages.ports import OutgoingMessage
from idc_gateway.store import Store, open_store
from support.alarm_link import DrivenLink
from support.alarm_messages import acknowledge, patch_classified
from support.alarm_process import AlarmProcess
from support.audit_records import latest_record
from support.eventually import eventually, wait_until
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer

pytestmark = pytest.mark.integration

PATIENCE_S = 30.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'gateway.sqlite3'}")
    yield store
    store.database.close()


@pytest.fixture
def alarm(shared_broker: MosquittoBroker) -> Iterator[MqttPeer]:
    peer = MqttPeer(shared_broker.settings("alarm"))
    yield peer
    peer.close()


class FailingAudit:
    """A database that takes nothing, as if the gateway were killed before it could store what it received."""

    def __init__(self) -> None:
        self.attempts = 0

    def record_once(self, _events: Mapping[UUID, AuditEvent], _now: datetime) -> None:
        self.attempts += 1
        raise StoreUnavailable("set to fail")


@asynccontextmanager
async def gateway(
    broker: MosquittoBroker,
    site: str,
    audit: object,
    *,
    device: str = "gateway",
    board: AlarmBoard | None = None,
) -> AsyncIterator[MqttBus]:
    """The part of a gateway between broker and chain, connected; at the end it is gone."""
    actions = AlarmActions(audit, store_retry_s=0.05)  # type: ignore[arg-type] # a part of it
    bus = MqttBus(broker.settings("gateway"), site=site, device=device, version="1")

    def take(topic: str, payload: bytes) -> asyncio.Future[None] | None:
        (board or AlarmBoard()).receive(topic, payload)
        return actions.receive(topic, payload)

    async def nothing() -> None:
        return

    tasks = [asyncio.create_task(bus.run(nothing, take)), asyncio.create_task(actions.run())]
    try:
        await asyncio.wait_for(bus.wait_connected(), PATIENCE_S)
        yield bus
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def acted(**fields: object) -> AlarmActed:
    return AlarmActed.model_validate(
        {"source": "alarm", "action": AlarmAction.ACKNOWLEDGED, "state": AlarmMode.ACKNOWLEDGED, **fields}
    )


def recorded(store: Store) -> list[str]:
    """The message ids of all reports in the chain."""
    return [record.event.details["message_id"] for record in store.audit.page(500)]


def topic(site: str) -> str:
    return ALARM_ACTIONS.at(site=site, device="alarm")


async def test_report_that_comes_while_the_gateway_is_down_is_recorded_once_after_it_returns(
    shared_broker: MosquittoBroker, site: str, store: Store, alarm: MqttPeer
) -> None:
    reports = [acted(), acted(by="nurse", acted_on=str(uuid4()), note="seen")]
    async with gateway(shared_broker, site, store.audit):
        pass
    for report in (*reports, *reports):
        await asyncio.to_thread(alarm.deliver, topic(site), report.to_payload())

    async with gateway(shared_broker, site, store.audit):
        await eventually(lambda: len(recorded(store)) >= 2, PATIENCE_S)
    async with gateway(shared_broker, site, store.audit):
        await asyncio.to_thread(alarm.deliver, topic(site), acted(classification_id=str(uuid4())).to_payload())
        await eventually(lambda: len(recorded(store)) >= 3, PATIENCE_S)

    assert set(recorded(store)) > {str(report.message_id) for report in reports}
    assert len(recorded(store)) == 3
    assert store.audit.verify().is_intact


async def test_report_that_was_received_and_not_stored_comes_again(
    shared_broker: MosquittoBroker, site: str, store: Store, alarm: MqttPeer
) -> None:
    dying, report = FailingAudit(), acted()
    async with gateway(shared_broker, site, dying):
        await asyncio.to_thread(alarm.deliver, topic(site), report.to_payload())
        await eventually(lambda: dying.attempts > 0, PATIENCE_S)

    async with gateway(shared_broker, site, store.audit):
        await eventually(lambda: recorded(store) == [str(report.message_id)], PATIENCE_S)


async def test_gateways_with_one_database_record_a_report_once(
    shared_broker: MosquittoBroker, site: str, store: Store, alarm: MqttPeer
) -> None:
    reports = [acted() for _ in range(20)]
    async with (
        gateway(shared_broker, site, store.audit, device="one"),
        gateway(shared_broker, site, store.audit, device="two"),
    ):
        for report in reports:
            await asyncio.to_thread(alarm.deliver, topic(site), report.to_payload())
        await eventually(lambda: len(recorded(store)) >= 20, PATIENCE_S)

    # What one of them had not confirmed when it ended comes again.
    async with gateway(shared_broker, site, store.audit, device="one"):
        last = acted()
        await asyncio.to_thread(alarm.deliver, topic(site), last.to_payload())
        await eventually(lambda: str(last.message_id) in recorded(store), PATIENCE_S)

    assert sorted(recorded(store)) == sorted(str(report.message_id) for report in (*reports, last))


async def test_unreadable_report_holds_up_no_other(
    shared_broker: MosquittoBroker, site: str, store: Store, alarm: MqttPeer
) -> None:
    report = acted()
    async with gateway(shared_broker, site, store.audit):
        for payload in (b"nonsense", b"", report.to_payload()):
            await asyncio.to_thread(alarm.deliver, topic(site), payload)
        await eventually(lambda: recorded(store) == [str(report.message_id)], PATIENCE_S)


async def test_retained_messages_of_an_alarm_are_there_with_each_connection_and_can_be_deleted(
    shared_broker: MosquittoBroker, site: str, store: Store, alarm: MqttPeer
) -> None:
    place = ALARM_STATE.at(site=site, device="alarm")
    state = AlarmState.model_validate(
        {"source": "alarm", "lamps": Lamps(red=True), "buzzer": True, "changed_at": "2026-01-01T00:00:00Z"}
    )
    await asyncio.to_thread(alarm.publish(place, state.to_payload(), retain=True).wait_for_publish, 20)
    for _ in range(2):
        board = AlarmBoard()
        async with gateway(shared_broker, site, store.audit, board=board):
            await eventually(lambda board=board: board.find("alarm") is not None, PATIENCE_S)  # type: ignore[misc]

    async with gateway(shared_broker, site, store.audit) as bus:
        for row in (ALARM_STATE, ALARM_STATUS):
            await bus.publish(OutgoingMessage(row.at(site=site, device="alarm"), b""))
    watcher = await asyncio.to_thread(MqttPeer, shared_broker.settings("operator"), place)
    probe = ALARM_ACKNOWLEDGEMENTS.at(site=site, device="alarm")
    await asyncio.to_thread(watcher.deliver, probe, acknowledge().to_payload())

    assert watcher.received == []
    watcher.close()


async def test_acknowledgement_by_mqtt_while_the_gateway_was_down_is_in_the_chain_once(
    shared_broker: MosquittoBroker, site: str, store: Store, tmp_path: Path
) -> None:
    finding, command = patch_classified("idc"), acknowledge()
    async with gateway(shared_broker, site, store.audit):
        pass
    device = AlarmProcess(tmp_path, shared_broker.settings("alarm"), site=site)
    await asyncio.to_thread(device.start)
    sender = await asyncio.to_thread(MqttPeer, shared_broker.settings("gateway"))
    await asyncio.to_thread(sender.deliver, CLASSIFICATIONS.at(site=site, device="gateway"), finding.to_payload())
    await asyncio.to_thread(
        sender.deliver, ALARM_ACKNOWLEDGEMENTS.at(site=site, device="alarm"), acknowledge().to_payload()
    )
    await asyncio.to_thread(wait_until, lambda: "acknowledged by" in device.log.read_text(), "it is acknowledged")
    await asyncio.to_thread(device.kill)  # perhaps before the broker had the report: the journal has it
    await asyncio.to_thread(device.start)

    async with gateway(shared_broker, site, store.audit):
        await eventually(lambda: latest_record(store, "alarm.acknowledged") is not None, PATIENCE_S)
    await asyncio.to_thread(device.stop)
    sender.close()

    records = [record.event for record in store.audit.page(500) if record.event.action == "alarm.acknowledged"]
    assert [record.details["cleared"] for record in records] == [[str(finding.classification_id)]]
    assert (records[0].details["by"], records[0].details["via"]) == (command.by, "message")


def test_action_is_reported_until_someone_listens(
    shared_broker: MosquittoBroker, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idc_alarm.link.action_queue.AGAIN_AFTER_S", 0.05)
    link, report = DrivenLink(shared_broker.settings("alarm"), site), acted()
    link.report_actions([report])
    wait_until(lambda: not link.turn() and link.is_ready, "the link is ready")
    for _ in range(20):
        link.turn()
    delivered_before = link.take_delivered()

    listener = MqttPeer(shared_broker.settings("operator"), topic(site))
    delivered: list[UUID] = []
    wait_until(
        lambda: not link.turn() and bool(delivered.extend(link.take_delivered()) or delivered), "a listener got it"
    )
    listener.close()
    link.close()

    assert delivered_before == []
    assert delivered == [report.message_id]
