"""The broker, by aiomqtt."""

import asyncio
import logging
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final, Literal, Self

import aiomqtt
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from idc_contracts import ALARM_ACTIONS, ALARM_STATE, ALARM_STATUS, GATEWAY_STATUS, ServiceStatus, is_retained
from idc_gateway.errors import BusUnavailable, MessageRefused
from idc_gateway.messages.ports import OnMessage, OutgoingMessage
from idc_servicekit.mqtt import MqttSettings, why_unreachable

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S: Final = 0.5
LONGEST_BACKOFF_S: Final = 15.0
CONFIRMATION_TIMEOUT_S: Final = 10.0
READ_BYTES: Final = 16 * 1024
"""As much as a TLS record has."""
STATUS_REPEAT_S: Final = 15

SESSION_EXPIRY_S: Final = 30 * 24 * 3600
"""How long the broker keeps reports of actions for an absent gateway; its own configuration has the same limit."""


class _Refused(aiomqtt.MqttError):
    """The broker rejected a message."""


_is_retained = lru_cache(is_retained)


class JoiningSocket(ssl.SSLSocket):
    """Reads what has come at once, and hands it out in the pieces that paho wants: three for each confirmation."""

    _come = b""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """See `socket.recv`."""
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


class _Client(aiomqtt.Client):
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
            _Refused: The broker rejected the message.
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
            raise _Refused("the broker rejected a message: are this account's access rules right?")

    def lose(self, reason: str) -> None:
        """End the waiting for confirmations: the connection is lost, and aiomqtt would wait until the time-out."""
        for confirmation in self._confirmations.values():
            _fail(confirmation, reason)


class MqttBus:
    """Holds one connection, reconnects forever, and reports `online` and `offline`."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        site: str,
        device: str,
        version: str,
        confirmation_timeout_s: float = CONFIRMATION_TIMEOUT_S,
    ) -> None:
        self._confirmation_timeout_s = confirmation_timeout_s
        self._settings = settings
        self._site = site
        self._device = device
        self._version = version
        self._client: _Client | None = None
        self._connected = asyncio.Event()
        self._lost = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether the broker accepted the connection and it is up."""
        return self._connected.is_set()

    async def wait_connected(self) -> None:
        await self._connected.wait()

    async def publish(self, message: OutgoingMessage) -> None:
        client = self._client
        if client is None:
            raise BusUnavailable("there is no connection to the broker")
        topic, retain = message.topic, _is_retained(message.topic)
        try:
            await client.deliver(topic, message.payload, retain=retain, timeout_s=self._confirmation_timeout_s)
        except _Refused as exc:
            raise MessageRefused(f"{exc} topic {topic}") from exc
        except aiomqtt.MqttError as exc:
            # The connection's own task notices the loss later; until then nothing more is sent on it.
            if client is self._client:
                self._forget_connection()
            raise BusUnavailable(f"the broker did not confirm a message: {exc}") from exc

    async def run(self, on_connected: Callable[[], Awaitable[None]], on_message: OnMessage) -> None:
        backoff_s = FIRST_BACKOFF_S
        while True:
            try:
                async with self._new_client() as client:
                    backoff_s = FIRST_BACKOFF_S
                    await self._talk(client, on_connected, on_message)
            except (aiomqtt.MqttError, OSError) as exc:
                why = why_unreachable(exc)
                logger.warning(
                    "no connection to the broker at %s:%d: %s", self._settings.host, self._settings.port, why
                )
            finally:
                self._forget_connection()
            # Jitter, so that many gateways do not reconnect to a restarted broker in step.
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)

    def _new_client(self) -> _Client:
        context = self._settings.tls_context()
        context.sslsocket_class = JoiningSocket
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho left this one out
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        return _Client(
            self._settings.host,
            self._settings.port,
            identifier=f"idc-gateway-{self._site}-{self._device}",
            username=self._settings.username,
            password=self._settings.password(),
            tls_context=context,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            keepalive=self._settings.keepalive_s,
            timeout=self._confirmation_timeout_s,
            will=aiomqtt.Will(self._status_topic, self._status("offline"), qos=GATEWAY_STATUS.qos, retain=True),
        )

    async def _talk(self, client: _Client, on_connected: Callable[[], Awaitable[None]], on_message: OnMessage) -> None:
        await self._report(client, "online")
        # The broker keeps reports of actions for an absent gateway; states and statuses are retained anyway.
        await client.subscribe(ALARM_ACTIONS.filter(site=self._site), qos=ALARM_ACTIONS.qos)
        for topic in (ALARM_STATE, ALARM_STATUS):
            await client.subscribe(topic.filter(site=self._site), qos=0)
        await on_connected()
        self._client = client
        self._lost.clear()
        self._connected.set()
        logger.info("connected to the broker")
        try:
            await _first(
                _read(client, on_message),
                self._repeat_status(client),
                # `publish` gave the connection up, even where it is up.
                self._fail_when_lost(aiomqtt.MqttError("the broker confirmed nothing in time")),
            )
        except asyncio.CancelledError:
            # After a clean stop the broker sends no last will.
            with suppress(aiomqtt.MqttError):
                await self._report(client, "offline", timeout_s=1.0)
            raise

    async def _fail_when_lost(self, error: Exception) -> None:
        await self._lost.wait()
        raise error

    async def _repeat_status(self, client: _Client) -> None:
        """Report `online` regularly: an alarm can then distinguish a quiet day from a dead gateway."""
        while True:
            await asyncio.sleep(STATUS_REPEAT_S)
            await self._report(client, "online")

    async def _report(
        self, client: _Client, status: Literal["online", "offline"], *, timeout_s: float | None = None
    ) -> None:
        timeout_s = timeout_s or self._confirmation_timeout_s
        await client.deliver(self._status_topic, self._status(status), retain=True, timeout_s=timeout_s)

    def _forget_connection(self) -> None:
        if self._client is not None:
            self._client.lose("the connection was lost before the broker confirmed it")
        self._client = None
        self._connected.clear()
        self._lost.set()

    @property
    def _status_topic(self) -> str:
        return GATEWAY_STATUS.at(site=self._site, device=self._device)

    def _status(self, status: Literal["online", "offline"]) -> bytes:
        return ServiceStatus(
            source=self._device, status=status, version=self._version, repeat_s=STATUS_REPEAT_S
        ).to_payload()


def _fail(confirmation: asyncio.Future[ReasonCode], reason: str) -> None:
    if not confirmation.done():
        confirmation.set_exception(aiomqtt.MqttError(reason))


async def _first(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run until one ends, and raise its error; the others are cancelled."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()


async def _read(client: _Client, on_message: OnMessage) -> None:
    async for message in client.messages:
        stored = on_message(message.topic.value, bytes(message.payload))
        if stored is None:
            client.confirm(message)
        else:
            stored.add_done_callback(partial(_confirm, client, message))


def _confirm(client: _Client, message: aiomqtt.Message, stored: asyncio.Future[None]) -> None:
    if not stored.cancelled():
        client.confirm(message)
