"""No finding is lost between a real Mosquitto and the alarm, whichever of the two is killed and when."""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_ACTIONS,
    ALARM_STATE,
    CLASSIFICATIONS,
    GATEWAY_STATUS,
    AlarmActed,
    AlarmState,
    Decision,
    PatchClassified,
    ServiceStatus,
)
from support.alarm_messages import acknowledge, patch_classified
from support.alarm_process import AlarmProcess
from support.eventually import wait_until
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer

pytestmark = pytest.mark.e2e


@pytest.fixture
def gateway(bus: MosquittoBroker, site: str) -> Iterator[MqttPeer]:
    peer = MqttPeer(bus.settings("gateway"))
    status = ServiceStatus(source="gateway", status="online", version="1")
    peer.publish(GATEWAY_STATUS.at(site=site, device="gateway"), status.to_payload(), retain=True).wait_for_publish(20)
    yield peer
    peer.close()


@pytest.fixture
def operator(bus: MosquittoBroker, site: str) -> Iterator[MqttPeer]:
    peer = MqttPeer(bus.settings("operator"), ALARM_STATE.at(site=site, device="alarm"))
    yield peer
    peer.close()


def wait_state(operator: MqttPeer, is_wanted: Callable[[AlarmState], bool], what: str) -> AlarmState:
    payload = operator.wait_for(lambda payload: is_wanted(AlarmState.from_payload(payload)), what)
    return AlarmState.from_payload(payload)


def fifty_events() -> list[PatchClassified]:
    decisions = random.Random(50).choices(list(Decision), k=50)
    return [patch_classified(decision) for decision in decisions]


def first_finding(events: list[PatchClassified]) -> PatchClassified:
    return next(event for event in events if event.decision == "idc")


def assert_all_acted_on(alarm: AlarmProcess, events: list[PatchClassified], *, in_order: bool = True) -> None:
    expected = {event.message_id for event in events}
    wait_until(lambda: expected <= set(alarm.record().recent_ids), "every event is in the journal")
    condition = alarm.record().condition
    assert condition.latched
    if in_order:
        assert condition.latched_by == first_finding(events).classification_id
    else:
        assert condition.latched_by in {event.classification_id for event in events if event.decision == "idc"}


def test_finding_rings_until_it_is_acknowledged(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    alarm.start()
    place = CLASSIFICATIONS.at(site=site, device="gateway")
    finding, all_clear = patch_classified("idc"), patch_classified("no_idc")

    gateway.deliver(place, finding.to_payload())
    ringing = wait_state(operator, lambda state: state.lamps.red, "red is lit")
    operator.deliver(ALARM_ACKNOWLEDGEMENTS.at(site=site, device="alarm"), acknowledge().to_payload())
    silent = wait_state(operator, lambda state: not state.lamps.red, "red is out")
    gateway.deliver(place, all_clear.to_payload())
    blue = wait_state(operator, lambda state: state.lamps.blue, "blue is lit")

    assert ringing.buzzer
    assert ringing.latched_by == finding.classification_id
    assert not silent.buzzer
    assert silent.latched_by is None
    assert blue.last_classification == all_clear.classification_id


def test_alarm_of_another_site_stays_dark(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    alarm.start()
    marker = patch_classified("no_idc")

    gateway.deliver(CLASSIFICATIONS.at(site=f"{site}-b", device="gateway"), patch_classified("idc").to_payload())
    gateway.deliver(CLASSIFICATIONS.at(site=site, device="gateway"), marker.to_payload())

    state = wait_state(operator, lambda state: state.last_classification is not None, "the marker was acted on")
    assert state.last_classification == marker.classification_id
    assert not state.lamps.red


@pytest.mark.parametrize("is_clean", [True, False], ids=["stopped", "killed"])
def test_what_was_published_while_the_alarm_was_away_is_delivered(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str, is_clean: bool
) -> None:
    alarm.start()
    if is_clean:
        assert alarm.stop() == 0
    else:
        alarm.kill()
    events = fifty_events()

    for event in events:
        gateway.deliver(CLASSIFICATIONS.at(site=site, device="gateway"), event.to_payload())
    alarm.start()

    assert_all_acted_on(alarm, events)
    wait_state(operator, lambda state: state.lamps.red and state.buzzer, "red is lit")


def test_alarm_killed_in_the_middle_of_fifty_events_loses_none(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    events = fifty_events()
    place = CLASSIFICATIONS.at(site=site, device="gateway")
    alarm.start()

    for number, event in enumerate(events):
        gateway.publish(place, event.to_payload())
        if number % 12 == 6:
            alarm.kill()
            alarm.start(wait=number % 24 == 6)
    alarm.wait_ready()

    assert_all_acted_on(alarm, events)
    state = wait_state(operator, lambda state: state.lamps.red, "red is lit")
    assert state.latched_by == first_finding(events).classification_id


def test_restart_in_the_middle_of_a_burst_rings_once_for_each_finding(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    """What the broker sends again after a kill is known again: an acknowledged finding does not come back."""
    place = CLASSIFICATIONS.at(site=site, device="gateway")
    button = ALARM_ACKNOWLEDGEMENTS.at(site=site, device="alarm")
    alarm.start()
    alarm.kill()
    finding, last = patch_classified("idc"), patch_classified("uncertain")

    gateway.deliver(place, finding.to_payload())
    gateway.deliver(button, acknowledge().to_payload())
    gateway.deliver(place, last.to_payload())
    alarm.start()
    wait_state(operator, lambda state: state.last_classification == last.classification_id, "all was read")
    alarm.kill()
    gateway.deliver(place, finding.to_payload())
    marker = patch_classified("uncertain")
    gateway.deliver(place, marker.to_payload())
    alarm.start()
    state = wait_state(operator, lambda state: state.last_classification == marker.classification_id, "all was read")

    assert not state.lamps.red
    assert state.lamps.amber


@pytest.mark.parametrize("end", [MosquittoBroker.stop, MosquittoBroker.kill], ids=["stopped", "killed"])
def test_broker_restarted_in_the_middle_of_fifty_events_loses_none(
    broker: MosquittoBroker, alarm: AlarmProcess, gateway: MqttPeer, site: str, end: Callable[[MosquittoBroker], None]
) -> None:
    events = fifty_events()
    place = CLASSIFICATIONS.at(site=site, device="gateway")
    alarm.start()

    for number, event in enumerate(events):
        gateway.publish(place, event.to_payload())
        if number in {15, 35}:
            end(broker)
            broker.start()
            # A killed broker forgets its last changes: a gateway sends its newest messages again after each connect.
            for sent in events[: number + 1]:
                gateway.publish(place, sent.to_payload())

    # What a killed broker forgot comes after what was sent meanwhile: any finding may have been the first to ring.
    assert_all_acted_on(alarm, events, in_order=end is MosquittoBroker.stop)
    alarm.wait_ready()


def test_unread_finding_survives_a_restart_of_both(
    broker: MosquittoBroker, alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    alarm.start()
    alarm.kill()
    finding = patch_classified("idc")
    gateway.deliver(CLASSIFICATIONS.at(site=site, device="gateway"), finding.to_payload())

    broker.stop()
    broker.start()
    alarm.start()

    state = wait_state(operator, lambda state: state.lamps.red, "red is lit")
    assert state.latched_by == finding.classification_id


def test_latch_survives_a_kill(alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str) -> None:
    alarm.start()
    finding = patch_classified("idc")
    gateway.deliver(CLASSIFICATIONS.at(site=site, device="gateway"), finding.to_payload())
    wait_state(operator, lambda state: state.lamps.red, "red is lit")
    reports = len(operator.received)

    alarm.kill()
    alarm.start()

    wait_until(lambda: len(operator.received) > reports, "the alarm reports again")
    states = [AlarmState.from_payload(payload) for _, payload in itertools.islice(operator.received, reports, None)]
    assert all(state.lamps.red and state.latched_by == finding.classification_id for state in states)


def test_damaged_journal_rings(alarm: AlarmProcess, operator: MqttPeer, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "alarm.json").write_text('{"condition": {"lat')

    alarm.start()

    state = wait_state(operator, lambda state: state.lamps.red, "red is lit")
    assert state.buzzer
    assert state.latched_by is None


def test_every_action_is_published_with_its_latency(
    alarm: AlarmProcess, gateway: MqttPeer, bus: MosquittoBroker, site: str
) -> None:
    watcher = MqttPeer(bus.settings("operator"), ALARM_ACTIONS.at(site=site, device="alarm"))
    alarm.start()
    finding = patch_classified("idc")

    gateway.deliver(CLASSIFICATIONS.at(site=site, device="gateway"), finding.to_payload())
    wait_until(lambda: any(finding.message_id == acted.acted_on for acted in _actions(watcher)), "the action is told")

    (acted,) = [acted for acted in _actions(watcher) if acted.acted_on == finding.message_id]
    watcher.close()
    assert (acted.action, acted.classification_id) == ("sounded", finding.classification_id)
    assert acted.latency_ms is not None


def test_gateway_that_dies_is_shown_by_its_last_will_and_forgotten_when_deleted(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    alarm.start()
    wait_state(operator, lambda state: not state.technical, "all is well")
    place = GATEWAY_STATUS.at(site=site, device="other")
    offline = ServiceStatus(source="other", status="offline", version="1")

    gateway.publish(place, offline.to_payload(), retain=True)
    state = wait_state(operator, lambda state: bool(state.technical), "trouble is shown")
    gateway.publish(place, b"", retain=True)
    wait_state(operator, lambda state: not state.technical, "the other gateway is forgotten")

    assert state.technical == ("gateway_offline",)
    assert state.offline_gateways == (f"{site}/other",)
    assert state.lamps.amber


def test_alarm_hears_the_sites_of_its_settings(
    alarm: AlarmProcess, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    alarm.environment["ALARM_SITES"] = f'["{site}", "{site}-b"]'
    alarm.start()
    finding = patch_classified("idc")

    gateway.deliver(CLASSIFICATIONS.at(site=f"{site}-b", device="gateway"), finding.to_payload())

    state = wait_state(operator, lambda state: state.latched_by is not None, "the other site's finding is shown")
    assert state.latched_by == finding.classification_id


def test_alarm_is_described_to_home_assistant_only_where_asked(
    alarm: AlarmProcess, bus: MosquittoBroker, site: str
) -> None:
    watcher = MqttPeer(bus.settings("operator"), f"homeassistant/device/idc-{site}-alarm/config")
    alarm.start()
    alarm.stop()
    silent = list(watcher.received)
    alarm.environment["ALARM_HOME_ASSISTANT"] = "on"
    alarm.start()

    wait_until(lambda: bool(watcher.received), "the description")
    alarm.stop()
    alarm.environment["ALARM_HOME_ASSISTANT"] = "remove"
    alarm.start()

    wait_until(lambda: watcher.received[-1][1] == b"", "the description is taken back")
    watcher.close()
    assert silent == []


def _actions(watcher: MqttPeer) -> list[AlarmActed]:
    return [AlarmActed.from_payload(payload) for _, payload in list(watcher.received)]
