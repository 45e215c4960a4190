"""The broker, by aiomqtt."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final, Literal

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from idc_contracts import ALARM_ACTIONS, ALARM_STATE, ALARM_STATUS, GATEWAY_STATUS, ServiceStatus, is_retained
from idc_gateway.errors import BusUnavailable, MessageRefused
from idc_gateway.messages.mqtt_client import Client, JoiningSocket, Refused
from idc_gateway.messages.ports import OnMessage, OutgoingMessage
from idc_servicekit.mqtt import MqttSettings, why_unreachable

logger = logging.getLogger(__name__)

FIRST_BACKOFF_S: Final = 0.5
LONGEST_BACKOFF_S: Final = 15.0
CONFIRMATION_TIMEOUT_S: Final = 10.0
STATUS_REPEAT_S: Final = 15

SESSION_EXPIRY_S: Final = 30 * 24 * 3600
"""How long the broker keeps reports of actions for an absent gateway; its own configuration has the same limit."""


_is_retained = lru_cache(is_retained)


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
        self._client: Client | None = None
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
        except Refused as exc:
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

    def _new_client(self) -> Client:
        context = self._settings.tls_context()
        context.sslsocket_class = JoiningSocket
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho left this one out
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        return Client(
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

    async def _talk(self, client: Client, on_connected: Callable[[], Awaitable[None]], on_message: OnMessage) -> None:
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

    async def _repeat_status(self, client: Client) -> None:
        """Report `online` regularly: an alarm can then distinguish a quiet day from a dead gateway."""
        while True:
            await asyncio.sleep(STATUS_REPEAT_S)
            await self._report(client, "online")

    async def _report(
        self, client: Client, status: Literal["online", "offline"], *, timeout_s: float | None = None
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


async def _first(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run until one ends, and raise its error; the others are cancelled."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()


async def _read(client: Client, on_message: OnMessage) -> None:
    async for message in client.messages:
        stored = on_message(message.topic.value, bytes(message.payload))
        if stored is None:
            client.confirm(message)
        else:
            stored.add_done_callback(partial(_confirm, client, message))


def _confirm(client: Client, message: aiomqtt.Message, stored: asyncio.Future[None]) -> None:
    if not stored.cancelled():
        client.confirm(message)
