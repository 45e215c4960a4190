"""The limits of a real Mosquitto with the project's configuration, and what it keeps when it is killed."""

import contextlib
import socket

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.properties import Properties

from idc_contracts import CLASSIFICATIONS
from support.eventually import wait_until
from support.mosquitto import MosquittoBroker
from support.session_client import SessionClient, is_let_in, new_client

pytestmark = pytest.mark.integration
PLACE = CLASSIFICATIONS.at(site="limits", device="gateway")
MAX_CONNECTIONS = 64
UNWRITTEN_CHANGES = 32
LATEST_SENT_AGAIN = 64
"""The gateway's outbox sends so many again (`idc_gateway.messages.outbox.REPLAY_LIMIT`)."""


def _announced_limits(broker: MosquittoBroker) -> Properties:
    """What the broker tells a new client, which asks for a longer silence than it may have."""
    announced: list[Properties] = []
    settings = broker.settings("operator")
    client = new_client(settings)
    client.on_connect = lambda _client, _data, _flags, _reason, properties: announced.append(properties)
    client.connect(settings.host, settings.port, keepalive=3600)
    while not announced:
        assert client.loop(1.0) == mqtt.MQTT_ERR_SUCCESS
    client.disconnect()
    return announced[0]


def test_broker_announces_its_limits(shared_broker: MosquittoBroker) -> None:
    limits = _announced_limits(shared_broker)

    assert limits.MaximumPacketSize == 16384
    assert limits.ReceiveMaximum == 20
    assert limits.ServerKeepAlive == 600
    assert not hasattr(limits, "TopicAliasMaximum")


def test_too_large_message_ends_only_its_senders_connection(broker: MosquittoBroker) -> None:
    listener = SessionClient(broker.settings("alarm"), "listener", PLACE)
    giant = SessionClient(broker.settings("gateway"), "giant")
    sender = SessionClient(broker.settings("gateway"), "sender")

    giant.publish(PLACE, b"x" * 20_000)
    wait_until(lambda: giant.connections > 1, "the sender of too much was disconnected")
    giant.leave()
    sender.deliver(PLACE, b"small")

    wait_until(lambda: b"small" in listener.payloads, "the small message arrives")
    assert listener.payloads == [b"small"]
    assert (listener.connections, sender.connections) == (1, 1)
    for client in (listener, sender):
        client.leave()


def test_more_connections_than_the_limit_are_refused_and_the_others_stay(broker: MosquittoBroker) -> None:
    listener = SessionClient(broker.settings("alarm"), "listener", PLACE)
    sender = SessionClient(broker.settings("gateway"), "sender")
    with contextlib.ExitStack() as strangers:
        for _ in range(MAX_CONNECTIONS):  # the last of them are refused already
            strangers.enter_context(socket.create_connection((broker.host, broker.port), timeout=5))

        with pytest.raises(OSError, match=r"(?i)reset|eof|closed|pipe|timed out"), broker.secured():
            pass
        sender.deliver(PLACE, b"still here")
        wait_until(lambda: listener.payloads == [b"still here"], "the message arrives")

    wait_until(lambda: is_let_in(broker.settings("operator")), "there is room again")
    assert (listener.connections, sender.connections) == (1, 1)
    for client in (listener, sender):
        client.leave()


def test_websockets_are_not_spoken(shared_broker: MosquittoBroker) -> None:
    request = (
        b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    with shared_broker.secured() as secured:
        secured.sendall(request)
        try:
            answer = secured.recv(1024)
        except OSError:
            answer = b""

    assert answer == b""


def test_killed_broker_has_lost_less_than_a_gateway_sends_again(broker: MosquittoBroker) -> None:
    SessionClient(broker.settings("alarm"), "absent", PLACE).leave()
    sender = SessionClient(broker.settings("gateway"), "sender")
    sent = [str(number).encode() for number in range(200)]
    for payload in sent:
        sender.deliver(PLACE, payload)

    broker.kill()
    sender.leave()
    broker.start()
    back = SessionClient(broker.settings("alarm"), "absent", PLACE)

    least = len(sent) - 2 * UNWRITTEN_CHANGES
    assert 2 * UNWRITTEN_CHANGES <= LATEST_SENT_AGAIN
    wait_until(lambda: len(back.payloads) >= least, "what was written is delivered")
    delivered = back.payloads
    assert delivered == sent[: len(delivered)]
    back.leave()


def test_stopped_broker_has_lost_nothing(broker: MosquittoBroker) -> None:
    SessionClient(broker.settings("alarm"), "absent", PLACE).leave()
    sender = SessionClient(broker.settings("gateway"), "sender")
    sender.deliver(PLACE, b"the only one")
    sender.leave()

    broker.stop()
    broker.start()
    back = SessionClient(broker.settings("alarm"), "absent", PLACE)

    wait_until(lambda: back.payloads == [b"the only one"], "it is delivered")
    back.leave()
