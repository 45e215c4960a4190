"""The alarm's connection to a real Mosquitto, and the alarm in this process on mock pins."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from idc_alarm.link.backoff import Backoff
from idc_alarm.link.inbox import Delivery
from idc_contracts import (
    ALARM_ACKNOWLEDGEMENTS,
    ALARM_STATE,
    ALARM_STATUS,
    CLASSIFICATIONS,
    AlarmState,
    Lamps,
    ServiceStatus,
)
from support.alarm_link import DrivenLink
from support.eventually import wait_until
from support.mosquitto import MosquittoBroker
from support.mqtt_peer import MqttPeer

pytestmark = pytest.mark.integration

PATIENCE_S = 30.0  # for a machine that is busy
CONNECTED = "connected to the broker"

MakeLink = Callable[..., DrivenLink]


@pytest.fixture
def make_link(shared_broker: MosquittoBroker, site: str) -> Iterator[MakeLink]:
    links: list[DrivenLink] = []

    def make(sites: tuple[str, ...] = ()) -> DrivenLink:
        links.append(DrivenLink(shared_broker.settings("alarm"), site, sites))
        return links[-1]

    yield make
    for link in links:
        link.close()


@pytest.fixture
def link(make_link: MakeLink) -> DrivenLink:
    """A link that is ready."""
    link = make_link()
    collect(link, 0)
    return link


@pytest.fixture
def gateway(shared_broker: MosquittoBroker) -> Iterator[MqttPeer]:
    peer = MqttPeer(shared_broker.settings("gateway"))
    yield peer
    peer.close()


@pytest.fixture
def operator(shared_broker: MosquittoBroker, site: str) -> Iterator[MqttPeer]:
    peer = MqttPeer(
        shared_broker.settings("operator"),
        ALARM_STATE.at(site=site, device="alarm"),
        ALARM_STATUS.at(site=site, device="alarm"),
    )
    yield peer
    peer.close()


def collect(link: DrivenLink, count: int) -> list[Delivery]:
    arrived: list[Delivery] = []

    def is_done() -> bool:
        arrived.extend(link.turn())
        return link.is_ready and len(arrived) >= count

    wait_until(is_done, f"{count} messages arrived")
    return arrived


def numbered_state(number: int) -> AlarmState:
    return AlarmState(
        source="alarm", lamps=Lamps(), buzzer=False, changed_at="2026-01-01T00:00:00Z", rejected_messages=number
    )


def settle(link: DrivenLink, operator: MqttPeer, number: int) -> None:
    """Wait until the broker has read what the link sent: a connection that breaks may take acknowledgements with it."""
    link.report(numbered_state(number))
    wait_until(lambda: not link.turn() and _reported(operator) == number, "the broker has read everything")


def _reported(operator: MqttPeer) -> int | None:
    states = [payload for place, payload in operator.received if place.endswith(ALARM_STATE.noun)]
    return AlarmState.from_payload(states[-1]).rejected_messages if states else None


def topic(site: str) -> str:
    return CLASSIFICATIONS.at(site=site, device="gateway")


def payloads(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [delivery.payload for delivery in deliveries]


def test_only_what_was_acknowledged_is_not_sent_again(
    link: DrivenLink, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    for payload in (b"1", b"2", b"3"):
        gateway.deliver(topic(site), payload)
    first = collect(link, 3)

    link.acknowledge(first[:1])
    settle(link, operator, 1)
    link.drop()
    second = collect(link, 2)
    link.acknowledge(second)
    settle(link, operator, 2)
    link.drop()
    gateway.deliver(topic(site), b"4")
    third = collect(link, 1)

    assert payloads(first) == [b"1", b"2", b"3"]
    assert payloads(second) == [b"2", b"3"]
    assert payloads(third) == [b"4"]


def test_alarm_says_whether_the_broker_kept_its_session(link: DrivenLink, operator: MqttPeer) -> None:
    def births() -> list[bool]:
        statuses = [ServiceStatus.from_payload(p) for place, p in operator.received if place.endswith("alarm-status")]
        return [status.is_session_new for status in statuses if status.status == "online"]

    wait_until(lambda: not link.turn() and births() == [True], "the first birth was told")
    link.drop()
    collect(link, 0)
    wait_until(lambda: not link.turn() and births() == [True, False], "the second birth was told")


def test_site_that_was_taken_out_of_the_settings_is_left(
    make_link: MakeLink, gateway: MqttPeer, operator: MqttPeer, site: str
) -> None:
    before = make_link((site, f"{site}-b"))
    collect(before, 0)
    before.drop()
    after = make_link((site,))
    collect(after, 0)

    gateway.deliver(topic(f"{site}-b"), b"not for us")
    gateway.deliver(topic(site), b"1")
    arrived = collect(after, 1)
    after.acknowledge(arrived)
    settle(after, operator, 1)
    after.drop()
    gateway.deliver(topic(f"{site}-b"), b"not for us either")
    gateway.deliver(topic(site), b"2")

    assert payloads(arrived) == [b"1"]
    assert payloads(collect(after, 1)) == [b"2"]


def test_acknowledgement_for_a_connection_that_is_gone_does_nothing(
    link: DrivenLink, gateway: MqttPeer, site: str
) -> None:
    gateway.deliver(topic(site), b"1")
    arrived = collect(link, 1)

    link.drop()
    link.acknowledge(arrived)

    assert payloads(collect(link, 1)) == [b"1"]


def test_command_that_the_broker_does_not_keep_breaks_no_connection(
    link: DrivenLink, operator: MqttPeer, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    operator._client.publish(ALARM_ACKNOWLEDGEMENTS.at(site=site, device="alarm"), b"1", qos=0)
    arrived = collect(link, 1)

    link.acknowledge(arrived)
    settle(link, operator, 1)

    assert payloads(arrived) == [b"1"]
    assert "ended" not in caplog.text


def test_burst_beyond_what_may_be_under_way_arrives_whole_and_in_order(
    link: DrivenLink, gateway: MqttPeer, site: str
) -> None:
    sent = [str(number).encode() for number in range(300)]
    for payload in sent:
        gateway.publish(topic(site), payload)
    arrived: list[bytes] = []

    def is_done() -> bool:
        batch = link.turn()
        link.acknowledge(batch)
        arrived.extend(payloads(batch))
        return len(arrived) >= len(sent)

    wait_until(is_done, "the whole burst arrived")
    assert arrived == sent


def test_newest_of_many_reports_is_what_the_broker_keeps(
    link: DrivenLink, shared_broker: MosquittoBroker, operator: MqttPeer, site: str
) -> None:
    states = [numbered_state(number) for number in range(50)]

    for state in states:
        link.report(state)
    wait_until(lambda: not link.turn() and _reported(operator) == 49, "the newest report came")

    late = MqttPeer(shared_broker.settings("operator"), ALARM_STATE.at(site=site, device="alarm"))
    kept = AlarmState.from_payload(late.wait_for(bool, "the retained report"))
    late.close()
    assert kept == states[-1]
    assert len(operator.received) < 10


def test_retained_event_does_not_come_back_with_each_connection(
    make_link: MakeLink, shared_broker: MosquittoBroker, gateway: MqttPeer, site: str
) -> None:
    gateway._client.publish(topic(site), b"retained by mistake", qos=1, retain=True).wait_for_publish(10)
    link = make_link()

    collect(link, 0)
    gateway.deliver(topic(site), b"marker")

    assert payloads(collect(link, 1)) == [b"marker"]


def test_second_alarm_of_the_same_name_throws_the_first_out(
    make_link: MakeLink, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make_link(), make_link()
    collect(first, 0)
    collect(second, 0)

    wait_until(lambda: not first.turn() and not first.is_ready, "the first was thrown out")

    assert second.is_ready
    assert "another alarm is named 'alarm' too (ALARM_DEVICE)" in caplog.text


def test_end_of_a_connection_that_is_gone_already_is_quiet(broker: MosquittoBroker, site: str) -> None:
    link = DrivenLink(broker.settings("alarm"), site)
    collect(link, 0)
    broker.kill()
    for number in range(3):
        link.acknowledge([Delivery("", b"", number + 1)])

    link.close()

    assert not link.is_ready


def test_alarm_that_was_removed_by_mistake_reports_again(
    make_link: MakeLink, gateway: MqttPeer, operator: MqttPeer, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idc_alarm.link.reports.STATUS_REPEAT_S", 1)
    link = make_link()
    link.report(numbered_state(1))
    wait_until(lambda: not link.turn() and _reported(operator) == 1, "the alarm has reported")
    for row in (ALARM_STATUS, ALARM_STATE):
        gateway.publish(row.at(site=site, device="alarm"), b"", retain=True).wait_for_publish(20)
    wait_until(lambda: not link.turn() and operator.received[-1][1] == b"", "its retained messages are deleted")
    seen = len(operator.received)

    wait_until(lambda: not link.turn() and len(operator.received) >= seen + 2, "it says again what it is")

    again = dict(operator.received[seen:])
    assert ServiceStatus.from_payload(again[ALARM_STATUS.at(site=site, device="alarm")]).status == "online"
    assert AlarmState.from_payload(again[ALARM_STATE.at(site=site, device="alarm")]).rejected_messages == 1


def statuses(operator: MqttPeer) -> list[str]:
    return [ServiceStatus.from_payload(p).status for place, p in operator.received if place.endswith(ALARM_STATUS.noun)]


def test_link_leaves_the_broker_for_a_controller_that_hangs_and_comes_back_with_it(
    link: DrivenLink, operator: MqttPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idc_alarm.link.mqtt_link.HUNG_AFTER_S", 0.1)

    wait_until(lambda: statuses(operator)[-1:] == ["offline"], "the broker says offline, though nobody moves the link")

    monkeypatch.undo()
    wait_until(lambda: not link.turn() and statuses(operator)[-1:] == ["online"], "the link is back")


def test_dropped_link_stays_away_until_it_is_moved(link: DrivenLink, operator: MqttPeer) -> None:

    link.drop()
    was_ready = link.is_ready
    wait_until(lambda: statuses(operator)[-1:] == ["offline"], "the broker says offline")
    for _ in range(10):
        link.queue.run(0.05)  # longer than the wait before the next attempt

    assert not was_ready
    assert statuses(operator)[-1] == "offline"
    wait_until(lambda: not link.turn() and statuses(operator)[-1] == "online", "the link is back")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idc_alarm.link.reports.STATUS_REPEAT_S", 1)
    monkeypatch.setattr("idc_alarm.link.reports.ANSWER_TIMEOUT_S", 0.8)


@pytest.mark.usefixtures("impatient")
def test_connection_whose_broker_hangs_is_not_ready_until_the_broker_answers_again(
    broker: MosquittoBroker, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    link = DrivenLink(broker.settings("alarm"), site)
    collect(link, 0)

    broker.pause()
    wait_until(lambda: not link.turn() and not link.is_ready, "the link is not ready")
    broker.go_on()
    wait_until(lambda: not link.turn() and link.is_ready, "the link is ready again")
    link.close()

    assert "hangs: connecting again" in caplog.text


@pytest.mark.usefixtures("impatient")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning", "ignore:unclosed:ResourceWarning")
def test_connection_whose_thread_failed_is_replaced(
    link: DrivenLink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def fail(_client: object) -> None:
        failed.set()
        raise MemoryError

    monkeypatch.setattr("idc_alarm.link.mqtt_client.SupervisedClient.loop_misc", fail)
    wait_until(failed.is_set, "the thread failed")
    monkeypatch.undo()

    wait_until(lambda: not link.turn() and "hangs: connecting again" in caplog.text, "the failure is noticed")
    wait_until(lambda: not link.turn() and link.is_ready, "the link is ready again")


def test_end_of_a_connection_that_hangs_takes_two_seconds_at_most(
    broker: MosquittoBroker, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    link = DrivenLink(broker.settings("alarm"), site)
    collect(link, 0)
    broker.pause()
    began_s = time.monotonic()

    link.close()

    assert time.monotonic() - began_s < 2.0 + PATIENCE_S
    assert "the broker will report `offline` itself" in caplog.text
    broker.go_on()


def test_twins_throw_each_other_out_further_and_further_apart(
    shared_broker: MosquittoBroker, site: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    twins = [DrivenLink(shared_broker.settings("alarm"), site, backoff=Backoff(random.Random(seed))) for seed in (1, 2)]
    end_s = time.monotonic() + 10.0

    while time.monotonic() < end_s or caplog.text.count(CONNECTED) < 4:
        for link in twins:
            link.turn()
    for link in twins:
        link.close()

    # Waits of 0.13-0.25 s, 0.25-0.5 s, ... 2-4 s each; with paho's own reconnection there are some 40.
    assert caplog.text.count(CONNECTED) <= 16
