"""Attempts to reach a broker leave nothing behind."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import aiomqtt
import pytest

from idc_gateway.messages.mqtt_client import Client
from support.eventually import eventually


@pytest.fixture
def silent_broker() -> Iterator[socket.socket]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def wait_closed(connection: socket.socket) -> None:
    """Read until the other side closes the connection."""
    with connection:
        while connection.recv(4096):
            pass


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_attempt_that_gets_no_answer_closes_its_connection(
    silent_broker: socket.socket, *, is_cancelled: bool
) -> None:
    client = Client("127.0.0.1", silent_broker.getsockname()[1], timeout=3 if not is_cancelled else 60)
    attempt = asyncio.create_task(client.__aenter__())
    connection, _ = await asyncio.to_thread(silent_broker.accept)
    connection.settimeout(60)
    assert await asyncio.to_thread(connection.recv, 1), "the client has not begun to talk"
    if is_cancelled:
        attempt.cancel()
    with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
        await attempt

    await asyncio.to_thread(wait_closed, connection)


async def test_attempt_that_is_cancelled_while_paho_connects_closes_its_connection(
    silent_broker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client("127.0.0.1", silent_broker.getsockname()[1])
    connect, has_begun, may_end = client._client._create_socket_connection, threading.Event(), threading.Event()

    def slowly() -> socket.socket:
        has_begun.set()
        may_end.wait(60)
        return connect()

    monkeypatch.setattr(client._client, "_create_socket_connection", slowly)
    attempt = asyncio.create_task(client.__aenter__())
    await eventually(has_begun.is_set)
    attempt.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await attempt
    may_end.set()
    connection, _ = await asyncio.to_thread(silent_broker.accept)
    connection.settimeout(20)

    await asyncio.to_thread(wait_closed, connection)
