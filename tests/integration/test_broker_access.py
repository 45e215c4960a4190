"""What each account may do at a real Mosquitto with the project's configuration."""

import contextlib
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import aiomqtt
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from idc_contracts import TOPICS, Topic
from idc_contracts.topics import Account
from support.eventually import wait_until
from support.mosquitto import REPOSITORY, MosquittoBroker

pytestmark = pytest.mark.integration
ACCOUNTS: Final = (*get_args(Account), "monitor")
SITE: Final = "access"
TABLE: Final = {topic.at(site=SITE, device="device"): topic for topic in TOPICS}
OUTSIDE_THE_TABLE: Final = (
    "idc/v1/access/device/something-else",
    "idc/v1/access/classifications",
    "idc/v1/access/device/classifications/deeper",
    "idc/v2/access/device/classifications",
    "other",
    "$SYS/broker/version",
)


class AccountClient:
    """One account's connection, which keeps what the broker answered and what it delivered."""

    def __init__(self, broker: MosquittoBroker, account: str) -> None:
        self.refused: dict[int, bool] = {}
        self.subscribed: set[int | None] = set()
        self.received: list[tuple[str, str]] = []
        settings = broker.settings(account)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(account, settings.password())
        self._client.tls_set_context(settings.tls_context())
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = lambda _client, _data, packet_id, *_others: self.subscribed.add(packet_id)
        self._client.on_message = lambda _client, _data, message: self.received.append(
            (message.payload.decode(), message.topic)
        )
        self._client.connect(settings.host, settings.port)
        self._client.loop_start()
        wait_until(self._client.is_connected, f"{account} is connected")

    def _on_publish(self, _client: mqtt.Client, _data: Any, packet_id: int, reason: ReasonCode, *_others: Any) -> None:
        self.refused[packet_id] = reason.is_failure

    def publish(self, topic: str, payload: str) -> int:
        return self._client.publish(topic, payload, qos=1).mid

    def subscribe(self, *topic_filters: str) -> None:
        _, packet_id = self._client.subscribe([(topic_filter, 1) for topic_filter in topic_filters])
        wait_until(lambda: packet_id in self.subscribed, "the subscription is answered")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def clients(shared_broker: MosquittoBroker) -> Iterator[dict[str, AccountClient]]:
    """A connection of every account."""
    with contextlib.ExitStack() as stack:
        clients = {account: AccountClient(shared_broker, account) for account in ACCOUNTS}
        for client in clients.values():
            stack.callback(client.close)
        yield clients


def _publish_everywhere(clients: dict[str, AccountClient]) -> set[tuple[str, str]]:
    """Every account publishes its name on every topic; returns the pairs that the broker did not refuse."""
    sent = {
        (account, topic): clients[account].publish(topic, account)
        for account, topic in itertools.product(ACCOUNTS, [*TABLE, *OUTSIDE_THE_TABLE])
    }
    wait_until(
        lambda: all(packet_id in clients[account].refused for (account, _), packet_id in sent.items()),
        "every message is answered",
    )
    return {(account, topic) for (account, topic), packet_id in sent.items() if not clients[account].refused[packet_id]}


def _wait_for_all_deliveries(clients: dict[str, AccountClient]) -> None:
    """A broker delivers in order: who has read a later message has read all that it gets of the earlier ones."""
    for account in get_args(Account):
        topic = next(topic for topic in TOPICS if account in topic.consumers)
        end = topic.at(site=SITE, device=f"end-for-{account}")
        clients[topic.producers[0]].publish(end, "end")
        wait_until(lambda client=clients[account], end=end: ("end", end) in client.received, "all is delivered")
    # the monitor reads no topic of the table: a new subscription brings the retained value, behind all that waited
    monitor = clients["monitor"]
    count = len(monitor.received)
    monitor.subscribe("$SYS/broker/version")
    wait_until(lambda: len(monitor.received) > count, "the broker's version is delivered")


def test_every_account_publishes_and_reads_on_every_topic_only_what_the_table_says(
    clients: dict[str, AccountClient],
) -> None:
    for client in clients.values():
        client.subscribe("#", "$SYS/#", *TABLE, *OUTSIDE_THE_TABLE)

    confirmed = _publish_everywhere(clients)
    _wait_for_all_deliveries(clients)

    assert confirmed == {(sender, place) for place, topic in TABLE.items() for sender in _writers(topic)}
    for account in ACCOUNTS:
        received = {(sender, topic) for sender, topic in clients[account].received if sender in ACCOUNTS}
        assert received == {
            (sender, place)
            for place, topic in TABLE.items()
            if account in topic.consumers
            for sender in _writers(topic)
        }, account


def _writers(topic: Topic) -> tuple[Account, ...]:
    return topic.producers + topic.clearers


def test_only_the_monitor_reads_the_brokers_own_figures(clients: dict[str, AccountClient]) -> None:
    for client in clients.values():
        client.subscribe("$SYS/#", "idc/#")

    _wait_for_all_deliveries(clients)

    readers = {
        account for account in ACCOUNTS if any(topic.startswith("$SYS") for _, topic in clients[account].received)
    }
    assert readers == {"monitor"}


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong"},
        {"username": "nobody", "password": "x"},
        {"username": "", "password": "x"},
        {"username": None, "password": None},
        {"tls_context": None},
    ],
    ids=["wrong password", "unknown account", "empty name", "anonymous", "no TLS"],
)
async def test_stranger_is_refused(shared_broker: MosquittoBroker, changes: dict[str, Any]) -> None:
    settings = shared_broker.settings("operator")
    known = {"username": "operator", "password": settings.password(), "tls_context": settings.tls_context()}

    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(settings.host, settings.port, timeout=2, **(known | changes)):
            raise AssertionError("the broker let a stranger in")


def test_bootstrap_mends_what_is_lost_and_keeps_what_is_there(tmp_path: Path) -> None:
    def run() -> dict[str, bytes]:
        subprocess.run([REPOSITORY / "broker/bootstrap.sh", tmp_path], check=True, capture_output=True)
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    first, second = run(), run()
    assert first == second
    assert len({first[f"{account}/mqtt-password"] for account in ("gateway", "alarm", "operator", "broker")}) == 4

    (tmp_path / "alarm/mqtt-password").unlink()
    (tmp_path / "gateway/api-key").unlink()
    (tmp_path / "alarm/client.key").unlink()
    (tmp_path / "broker/server.key").chmod(0o600)
    (tmp_path / "broker/server.key").write_bytes(first["gateway/client.key"])
    (tmp_path / "broker/server.key").chmod(0o400)
    mended = run()

    assert mended.keys() == first.keys()
    assert mended["ca/ca.key"] == first["ca/ca.key"]
    assert mended["gateway/api-key"] != first["gateway/api-key"]
    assert mended["alarm/client.crt"] != first["alarm/client.crt"]
    assert mended["broker/server.crt"] != first["broker/server.crt"]
    assert mended["gateway/client.crt"] == first["gateway/client.crt"]
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*") if path.is_file()} == {"0o400"}
