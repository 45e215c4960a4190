"""What a real Mosquitto and a health check know of the alarm's presence."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idc_contracts import ALARM_STATE, ALARM_STATUS, AlarmState, ServiceStatus
from support.alarm_process import AlarmProcess
from support.eventually import wait_until
from support.health_checks import check
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer

pytestmark = pytest.mark.e2e


@pytest.fixture
def operator(shared_broker: MosquittoBroker, site: str) -> Iterator[MqttPeer]:
    peer = MqttPeer(shared_broker.settings("operator"), ALARM_STATUS.at(site=site, device="alarm"))
    yield peer
    peer.close()


def wait_status(operator: MqttPeer, status: str) -> None:
    operator.wait_for(lambda payload: ServiceStatus.from_payload(payload).status == status, f"the alarm is {status}")


def test_killed_alarm_is_reported_offline_by_its_last_will(alarm: AlarmProcess, operator: MqttPeer) -> None:
    alarm.start()
    wait_status(operator, "online")

    alarm.kill()

    wait_status(operator, "offline")


def test_stopped_alarm_says_offline_itself_and_ends_with_0(alarm: AlarmProcess, operator: MqttPeer) -> None:
    alarm.start()
    wait_status(operator, "online")
    connected_at = ServiceStatus.from_payload(operator.received[-1][1]).sent_at

    code = alarm.stop()

    wait_status(operator, "offline")
    assert code == 0
    # A last will is as old as the connection, so this one is no last will.
    assert ServiceStatus.from_payload(operator.received[-1][1]).sent_at > connected_at
    assert not alarm.ready.exists()
    assert not alarm.alive.exists()
    assert "Error" not in alarm.log.read_text()


def test_status_and_state_are_retained(shared_broker: MosquittoBroker, alarm: AlarmProcess, site: str) -> None:
    alarm.start()

    topics = [ALARM_STATUS.at(site=site, device="alarm"), ALARM_STATE.at(site=site, device="alarm")]
    late = MqttPeer(shared_broker.settings("operator"), *topics)

    wait_until(lambda: {topic for topic, _ in late.received} == set(topics), "both retained messages came")
    late.close()
    states = [payload for topic, payload in late.received if topic == topics[1]]
    assert AlarmState.from_payload(states[0]).lamps.red is False


def test_alarm_waits_for_a_broker_that_is_not_there_yet_and_comes_back_to_one_that_was_away(
    broker: MosquittoBroker, tmp_path: Path, site: str
) -> None:
    alarm = AlarmProcess(tmp_path, broker.settings("alarm"), site=site)
    broker.stop()
    alarm.start(wait=False)
    wait_until(lambda: alarm.log.exists() and "cannot reach the broker" in alarm.log.read_text(), "an attempt failed")
    wait_until(alarm.alive.exists, "the loop turns")
    was_ready = alarm.ready.exists()

    broker.start()
    alarm.wait_ready()

    assert not was_ready
    assert check("heartbeat.sh", alarm.ready, "30").returncode == 0
    broker.kill()
    wait_until(lambda: not alarm.ready.exists(), "the alarm is not ready")
    broker.start()
    alarm.wait_ready()
    alarm.kill()


def test_refused_alarm_is_not_ready_and_keeps_trying(shared_broker: MosquittoBroker, tmp_path: Path, site: str) -> None:
    wrong = tmp_path / "wrong-password"
    wrong.write_text("wrong")
    refused = AlarmProcess(
        tmp_path,
        shared_broker.settings("alarm"),
        site=site,
        ALARM_MQTT__PASSWORD_FILE=str(wrong),
        ALARM_LOG_FORMAT="text",
    )

    refused.start(wait=False)
    wait_until(lambda: refused.log.read_text().count("rejected account 'alarm'") >= 3, "three attempts were refused")

    assert not refused.ready.exists()
    wrong.write_text(shared_broker.settings("alarm").password())
    refused.wait_ready()
    assert refused.stop() == 0
    assert "wrong" not in refused.log.read_text()


def test_broker_with_another_certificate_is_not_trusted(
    shared_broker: MosquittoBroker, tmp_path: Path, site: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = MosquittoBroker(tmp_path_factory.mktemp("other"))
    fooled = AlarmProcess(tmp_path, shared_broker.settings("alarm"), site=site, ALARM_MQTT__CA_FILE=str(other.ca_file))

    fooled.start(wait=False)
    wait_until(lambda: fooled.log.exists() and "CERTIFICATE_VERIFY_FAILED" in fooled.log.read_text(), "it was refused")

    assert not fooled.ready.exists()
    fooled.kill()


def test_alarm_has_a_thread_each_for_loop_pins_and_broker_and_one_while_it_writes(alarm: AlarmProcess) -> None:
    alarm.start()

    assert alarm.process
    assert 3 <= len(list(Path(f"/proc/{alarm.process.pid}/task").iterdir())) <= 4


def test_idle_alarm_beats_and_sleeps(alarm: AlarmProcess) -> None:
    alarm.environment["ALARM_PATTERNS__TECHNICAL_LAMP"] = "[60000,60000]"  # there is no gateway
    alarm.environment["ALARM_PATTERNS__TECHNICAL_BUZZER"] = "[60000,60000]"
    alarm.start()
    assert alarm.process
    before = alarm.alive.stat().st_mtime_ns

    wait_until(lambda: alarm.alive.stat().st_mtime_ns > before, "the heart beats again")
    first, began_s = _wake_ups(alarm.process.pid), time.monotonic()
    time.sleep(5.0)
    second, ended_s = _wake_ups(alarm.process.pid), time.monotonic()

    assert (second - first) / (ended_s - began_s) < 5, "a thread that polls makes ten a second"


def _wake_ups(pid: int) -> int:
    """Voluntary context switches of all threads of a process."""
    statuses = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(status.split("\nvoluntary_ctxt_switches:")[1].split(maxsplit=1)[0]) for status in statuses)
