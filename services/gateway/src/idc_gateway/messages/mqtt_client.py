"""One connection to the broker: aiomqtt's client, with rejections seen and writes joined."""

import asyncio
import logging
import ssl
from collections import deque
from typing import Any, Final, Self

import aiomqtt
import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

logger = logging.getLogger(__name__)

READ_BYTES: Final = 16 * 1024
"""As much as a TLS record has."""


class Refused(aiomqtt.MqttError):
    """The broker rejected a message."""


class JoiningSocket(ssl.SSLSocket):
    """Reads what has come at once, and hands it out in the pieces that paho wants: three for each confirmation."""

    _come = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        come = self._come or super().recv(READ_BYTES, flags)
        self._come = come[buflen:]
        return come[:buflen]

    def pending(self) -> int:
        """Bytes that are here already."""
        return len(self._come) + super().pending()


def join_publishes(waiting: deque[Any]) -> None:
    """Make one packet of paho's waiting ones, where all are messages at QoS 1: paho only needs to send their bytes."""
    if len(waiting) > 1 and all(packet["command"] & 0xF0 == mqtt.PUBLISH and packet["qos"] for packet in waiting):
        whole = b"".join(packet["packet"][packet["pos"] :] for packet in waiting)
        joined = {**waiting[0], "packet": whole, "pos": 0, "to_process": len(whole)}
        waiting.clear()
        waiting.append(joined)


class Client(aiomqtt.Client):
    """Sees rejections, and confirms a message only when it is dealt with.

    aiomqtt 2.5 treats every answer of the broker as a confirmation, even `Not authorized`; and paho confirms
    messages that nobody has read yet.
    """

    _is_connecting = _is_given_up = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._client.manual_ack_set(True)  # noqa: FBT003 - paho's own
        self._confirmations: dict[int, asyncio.Future[ReasonCode]] = {}
        """Of the messages that were sent and not answered, by paho's number."""

    def confirm(self, message: aiomqtt.Message) -> None:
        """Tell the broker not to send a message again; only possible over the connection that delivered it."""
        if message.qos > 0:
            self._client.ack(message.mid, message.qos)

    async def __aenter__(self) -> Self:
        """Connect. An attempt that fails or is cancelled closes its socket: aiomqtt 2.5 leaves it open."""
        try:
            return await super().__aenter__()
        except BaseException:
            self._is_given_up = True
            if not self._is_connecting:
                self._client._sock_close()  # paho's `disconnect` only queues a packet
            raise

    def _client_connect(self) -> None:
        """Connect, in a thread, which goes on when the attempt is cancelled: the socket is closed after it."""
        self._is_connecting = True
        try:
            super()._client_connect()
        finally:
            self._is_connecting = False
            if self._is_given_up:
                self._loop.call_soon_threadsafe(self._client._sock_close)

    def _on_publish(
        self, client: mqtt.Client, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure:
            logger.error("the broker rejected a message: %s", reason_code)
        confirmation = self._confirmations.get(mid)
        if confirmation is not None and not confirmation.done():
            confirmation.set_result(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_socket_register_write(self, _client: mqtt.Client, _userdata: Any, sock: Any) -> None:
        """Send what waits a moment later, together: paho makes a TLS record and a system call of each message."""
        soon = self._loop.call_soon_threadsafe if self._is_connecting else self._loop.call_soon
        soon(self._write, sock)

    def _write(self, sock: Any) -> None:
        descriptor: int = sock.fileno()
        if self._client.socket() is not sock:  # it was lost meanwhile
            return
        join_publishes(self._client._out_packet)
        try:
            self._client.loop_write()
        except Exception as exc:  # noqa: BLE001 - as aiomqtt does: the connection is broken
            if not self._disconnected.done():
                self._disconnected.set_exception(exc)
            return
        if self._client.socket() is sock and self._client.want_write():
            self._loop.add_writer(descriptor, self._write, sock)

    async def deliver(self, topic: str, payload: bytes, *, retain: bool = False, timeout_s: float) -> None:
        """Publish at QoS 1 and wait for the broker's confirmation; several callers are sent in their order.

        Raises:
            MqttError: It did not come, or `lose` was called.
            Refused: The broker rejected the message.
        """
        sent = self._client.publish(topic, payload, 1, retain)
        if sent.rc != mqtt.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc, "could not publish")
        confirmation = self._confirmations[sent.mid] = self._loop.create_future()
        # Cheaper than asyncio's time-outs, at each message.
        timer = self._loop.call_later(timeout_s, _fail, confirmation, f"no confirmation within {timeout_s:g} s")
        try:
            reason = await confirmation
        finally:
            timer.cancel()
            del self._confirmations[sent.mid]
        if reason.is_failure:
            raise Refused("the broker rejected a message: are this account's access rules right?")

    def lose(self, reason: str) -> None:
        """End the waiting for confirmations: the connection is lost, and aiomqtt would wait until the time-out."""
        for confirmation in self._confirmations.values():
            _fail(confirmation, reason)


def _fail(confirmation: asyncio.Future[ReasonCode], reason: str) -> None:
    if not confirmation.done():
        confirmation.set_exception(aiomqtt.MqttError(reason))
