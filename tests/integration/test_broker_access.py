"""What each account may do at a real Mosquitto with the project's configuration."""

import asyncio
import contextlib
import itertools
import subprocess
from pathlib import Path
from typing import get_args

import aiomqtt
import pytest

from idc_contracts import TOPICS, Topic
from idc_contracts.topics import Account
from support.mosquitto import REPOSITORY, MosquittoBroker

pytestmark = pytest.mark.integration
ACCOUNTS = get_args(Account)


def _client(broker: MosquittoBroker, account: str, password: str | None = None) -> aiomqtt.Client:
    settings = broker.settings("operator" if password else account)
    return aiomqtt.Client(
        settings.host,
        settings.port,
        username=account,
        password=password or settings.password(),
        tls_context=settings.tls_context(),
        protocol=aiomqtt.ProtocolVersion.V5,
    )


async def _read_one(client: aiomqtt.Client) -> bytes | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.25):
            async for message in client.messages:
                return bytes(message.payload)
    return None


@pytest.mark.parametrize(
    ("account", "topic"), list(itertools.product(ACCOUNTS, TOPICS)), ids=lambda item: getattr(item, "noun", item)
)
async def test_account_publishes_and_reads_only_what_the_table_says(
    shared_broker: MosquittoBroker, account: Account, topic: Topic
) -> None:
    reader = topic.consumers[0]
    place = topic.at(site="access", device=f"{account}-{topic.noun}")

    async with _client(shared_broker, account) as subject, _client(shared_broker, reader) as witness:
        await witness.subscribe(place, qos=1)
        await subject.publish(place, b"from-subject", qos=1)
        seen = await _read_one(witness)

    assert seen == (b"from-subject" if account in topic.producers else None)

    async with _client(shared_broker, account) as subject, _client(shared_broker, topic.producers[0]) as producer:
        await subject.subscribe(topic.at(site="access", device="read"), qos=1)
        await producer.publish(topic.at(site="access", device="read"), b"from-producer", qos=1)
        seen = await _read_one(subject)

    assert seen == (b"from-producer" if account in topic.consumers else None)


async def test_wildcard_subscription_delivers_nothing_beyond_the_table(shared_broker: MosquittoBroker) -> None:
    async with _client(shared_broker, "alarm") as alarm, _client(shared_broker, "operator") as operator:
        await alarm.subscribe("idc/v1/access/#", qos=1)
        await operator.publish("idc/v1/access/alarm/something-else", b"{}", qos=1)
        seen = await _read_one(alarm)

    assert seen is None


@pytest.mark.parametrize(("account", "password"), [("operator", "wrong"), ("nobody", "x"), ("", "x")])
async def test_wrong_account_is_refused(shared_broker: MosquittoBroker, account: str, password: str) -> None:
    with pytest.raises(aiomqtt.MqttError):
        async with _client(shared_broker, account, password):
            raise AssertionError("the broker let a stranger in")


async def test_anonymous_client_is_refused(shared_broker: MosquittoBroker) -> None:
    context = shared_broker.settings("operator").tls_context()

    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(shared_broker.host, shared_broker.port, tls_context=context):
            raise AssertionError("the broker let an anonymous client in")


async def test_client_without_tls_is_refused(shared_broker: MosquittoBroker) -> None:
    settings = shared_broker.settings("operator")

    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(
            settings.host, settings.port, username="operator", password=settings.password(), timeout=2
        ):
            raise AssertionError("the broker spoke plain text")


def test_bootstrap_mends_what_is_lost_and_keeps_what_is_there(tmp_path: Path) -> None:
    def run() -> dict[str, bytes]:
        subprocess.run([REPOSITORY / "broker/bootstrap.sh", tmp_path], check=True, capture_output=True)
        return {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    first, second = run(), run()
    assert first == second
    assert len({first[f"{account}/mqtt-password"] for account in ("gateway", "alarm", "operator", "broker")}) == 4

    (tmp_path / "alarm/mqtt-password").unlink()
    (tmp_path / "gateway/api-key").unlink()
    mended = run()

    assert mended.keys() == first.keys()
    assert mended["ca/ca.key"] == first["ca/ca.key"]
    assert mended["gateway/api-key"] != first["gateway/api-key"]
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.rglob("*") if path.is_file()} == {"0o400"}
