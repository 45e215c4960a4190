"""The connection to the broker, by paho-mqtt, moved by whoever calls `turn`: `LinkThread` does."""

import logging
import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from idc_alarm.link.action_queue import ActionQueue
from idc_alarm.link.backoff import Backoff
from idc_alarm.link.home_assistant import discovery, discovery_topic
from idc_alarm.link.inbox import Delivery
from idc_alarm.link.mqtt_client import MAX_UNACKNOWLEDGED, WITH_WILL, connect, new_client
from idc_alarm.link.subscriptions import Place, filters_of, foreign_site, subscriptions
from idc_alarm.link.wake_pipe import WakePipe
from idc_contracts import (
    ALARM_ACTIONS,
    ALARM_STATE,
    ALARM_STATUS,
    AlarmActed,
    AlarmState,
    ServiceStatus,
)
from idc_servicekit.mqtt import MqttSettings, why_unreachable

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S: Final = 2.0
"""How long a clean stop waits for the broker to take the last status."""
STABLE_S: Final = 10.0
"""A connection that lasted so long was a good one; two alarms of one name throw each other out much sooner."""

CAUGHT_UP_S: Final = 0.5
"""So long without a message after the subscriptions, and the broker has sent all that it kept."""
STATUS_REPEAT_S: Final = 60
"""Status and state are sent again so often: who removed this alarm by mistake sees it again."""


class MqttLink:
    """Holds one persistent MQTT 5 session and reconnects without end. It is used from one thread alone."""

    def __init__(
        self,
        settings: MqttSettings,
        *,
        place: Place,
        version: str,
        backoff: Backoff,
        wake: WakePipe,
        home_assistant: Literal["off", "on", "remove"] = "off",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._place = place
        self._at = {"site": place.site, "device": place.device}
        self._version = version
        self._backoff = backoff
        self._wake = wake
        self._home_assistant = home_assistant
        self._clock = clock
        self._client: mqtt.Client | None = None
        self._next_attempt_s = clock()
        self._is_ready = False
        self._ready_since_s: float | None = None
        self._arrived: list[Delivery] = []
        self._report: AlarmState | None = None
        self._is_report_due = False
        self._report_packet_id: int | None = None
        self._connection = 0
        self._actions = ActionQueue(ALARM_ACTIONS.at(**self._at), clock)
        self._is_caught_up = False
        self._is_session_new = False
        self._status_due_s = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether the broker accepted both the connection and the subscriptions."""
        return self._is_ready

    def turn(self, timeout_s: float) -> Sequence[Delivery]:
        """Move the network, at most `timeout_s` long while it is quiet, and return what arrived.

        An attempt to connect may take longer: 5 s each for TCP and TLS, and the look-up of the broker's name.
        """
        if self._client is None:
            wait_s = self._next_attempt_s - self._clock()
            if wait_s > 0:
                self._wake.wait(min(wait_s, timeout_s))
                return []
            self._connect()
        if self._client is not None and not self._move(self._client, timeout_s):
            self._lose()
        self._repeat_status()
        self._publish_report()
        self._publish_actions()
        arrived, self._arrived = self._arrived, []
        return arrived

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these need not be sent again. What came over an earlier connection will be."""
        if self._client is not None:
            for delivery in deliveries:
                if delivery.connection == self._connection:
                    self._client.ack(delivery.packet_id, qos=1)

    def report(self, state: AlarmState) -> None:
        """Publish the state, retained, now or as soon as there is a connection; a newer one replaces it."""
        self._report = state
        self._is_report_due = True
        self._publish_report()

    def tell(self, actions: Sequence[AlarmActed]) -> None:
        """Publish what was done, now or as soon as there is a connection, until somebody who listens got it."""
        self._actions.add(actions)
        self._publish_actions()

    def told(self) -> Sequence[UUID]:
        """The message ids of the actions that the broker has taken for a listener since the last call."""
        return self._actions.told()

    def drop(self) -> None:
        """Break the connection as a crash would: the broker says `offline` and keeps what was not acknowledged."""
        if self._client is not None:
            self._client.disconnect(WITH_WILL)
            self._lose()

    def close(self) -> None:
        """Say `offline` and end the connection; the broker keeps the session."""
        client = self._client
        if client is None:
            return
        if self._is_ready:
            self._say_offline(client)
        client.disconnect()
        self._lose()

    def _say_offline(self, client: mqtt.Client) -> None:
        info = client.publish(*self._status("offline"), qos=ALARM_STATUS.qos, retain=True)
        deadline_s = self._clock() + CLOSE_TIMEOUT_S
        # Where the connection is gone already, the last will says it.
        code = info.rc
        while code == mqtt.MQTT_ERR_SUCCESS and not info.is_published() and self._clock() < deadline_s:
            code = client.loop(0.1)

    def _connect(self) -> None:
        # A new client for each connection: nothing unsent of the last one can follow what this one says, and
        # a password or certificate that was exchanged meanwhile is read.
        topic, will = self._status("offline")
        client_id = f"idc-alarm-{self._place.site}-{self._place.device}"
        try:
            client = new_client(self._settings, client_id=client_id, will_topic=topic, will=will)
            client.on_connect = self._on_connect
            client.on_subscribe = self._on_subscribe
            client.on_disconnect = self._on_disconnect
            client.on_message = self._on_message
            client.on_publish = self._on_publish
            connect(client, self._settings)
        except OSError as exc:
            # TLS errors and unreadable secrets are OSErrors too.
            why = why_unreachable(exc)
            logger.warning("cannot reach the broker at %s:%d: %s", self._settings.host, self._settings.port, why)
            self._lose()
        else:
            self._client = client
            self._connection += 1

    def _move(self, client: mqtt.Client, timeout_s: float) -> bool:
        """Handle one packet, and those that wait behind it; False where the connection is lost."""
        self._wait(client, timeout_s)
        code = client.loop(0.0)
        seen = 0
        while code == mqtt.MQTT_ERR_SUCCESS and seen < len(self._arrived) < MAX_UNACKNOWLEDGED:
            seen = len(self._arrived)
            code = client.loop(0.0)
        return code == mqtt.MQTT_ERR_SUCCESS

    def _wait(self, client: mqtt.Client, timeout_s: float) -> None:
        """Wait for the broker or the button."""
        broker = client.socket()
        if not isinstance(broker, socket.socket) or (isinstance(broker, ssl.SSLSocket) and broker.pending()):
            return
        watched: list[socket.socket | WakePipe] = [broker, self._wake]
        begin_s = self._clock()
        readable, writable, _ = select.select(watched, [broker] if client.want_write() else [], [], max(0.0, timeout_s))
        if self._wake in readable:
            self._wake.clear()
        if not readable and not writable and self._is_ready and self._clock() - begin_s >= CAUGHT_UP_S:
            self._is_caught_up = True

    def _lose(self) -> None:
        self._client = None
        self._is_ready = self._is_caught_up = False
        self._actions.lose_connection()
        self._report_packet_id = None
        if self._ready_since_s is not None and self._clock() - self._ready_since_s >= STABLE_S:
            self._backoff.reset()
        self._ready_since_s = None
        self._next_attempt_s = self._clock() + self._backoff.next_s()

    def _publish_report(self) -> None:
        # At most one report is under way: in a burst the older states give way to the newest.
        if self._client is None or not self._is_ready or self._report is None:
            return
        if self._is_report_due and self._report_packet_id is None:
            topic = ALARM_STATE.at(**self._at)
            info = self._client.publish(topic, self._report.to_payload(), qos=ALARM_STATE.qos, retain=True)
            self._report_packet_id = info.mid
            self._is_report_due = False

    def _publish_actions(self) -> None:
        if self._client is not None and self._is_ready:
            self._actions.publish(self._client)

    def _say_online(self, client: mqtt.Client) -> None:
        client.publish(*self._status("online"), qos=ALARM_STATUS.qos, retain=True)
        self._status_due_s = self._clock() + STATUS_REPEAT_S
        # A gateway that reads it sends its latest messages again: once is enough.
        self._is_session_new = False

    def _repeat_status(self) -> None:
        if self._client is not None and self._is_ready and self._clock() >= self._status_due_s:
            self._say_online(self._client)
            self._is_report_due = True

    def _describe(self, client: mqtt.Client) -> None:
        if self._home_assistant != "off":
            is_on = self._home_assistant == "on"
            payload = discovery(self._place.site, self._place.device, self._version) if is_on else b""
            client.publish(discovery_topic(self._place.site, self._place.device), payload, qos=1, retain=True)

    def _status(self, status: str) -> tuple[str, bytes]:
        message = ServiceStatus.model_validate(
            {
                "source": self._place.device,
                "status": status,
                "version": self._version,
                "is_session_new": self._is_session_new,
                "repeat_s": STATUS_REPEAT_S,
            }
        )
        return ALARM_STATUS.at(**self._at), message.to_payload()

    def _on_connect(
        self,
        client: mqtt.Client,
        _data: Any,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            logger.error("the broker refused account %r: %s", self._settings.username, reason)
            return
        logger.info("connected to the broker", extra={"session_present": flags.session_present})
        self._is_session_new = not flags.session_present
        # A session that is there has its subscriptions; to ask again costs nothing and needs no second path.
        client.subscribe(subscriptions(self._place))

    def _on_subscribe(
        self, client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            logger.error("the broker refused a subscription: %s", ", ".join(map(str, reasons)))
            client.disconnect()
            return
        logger.info("listening to the broker")
        self._is_ready = True
        self._ready_since_s = self._clock()
        self._is_report_due = True
        self._say_online(client)
        self._describe(client)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _data: Any,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._is_ready = False
        if not reason.is_failure:
            logger.info("the connection to the broker ended: %s", reason)
            return
        is_short = self._ready_since_s is not None and self._clock() - self._ready_since_s < STABLE_S
        hint = f": if that goes on, another alarm is called {self._place.device!r}, too (ALARM_DEVICE)" * is_short
        logger.warning("the connection to the broker ended: %s%s", reason, hint)

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        if site := foreign_site(topic, self._place):
            self._leave_site(client, site, message)
            return
        is_live = self._is_caught_up and not message.retain
        self._arrived.append(Delivery(topic, bytes(message.payload), message.mid, is_live, self._connection))

    def _leave_site(self, client: mqtt.Client, site: str, message: mqtt.MQTTMessage) -> None:
        # The session outlives a setting: it still has the subscriptions of a site that was taken out since.
        logger.info("site %s is not heard any more", site)
        client.unsubscribe(filters_of(site))
        client.ack(message.mid, message.qos)

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, packet_id: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            logger.error("the broker refused a report: %s", reason)
        self._actions.answered(packet_id, reason)
        if packet_id == self._report_packet_id:
            self._report_packet_id = None
