"""The connection to the broker, by paho-mqtt and its network thread."""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final, Literal
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from idc_alarm.event_queue import EventQueue
from idc_alarm.link.backoff import Backoff
from idc_alarm.link.inbox import Delivery
from idc_alarm.link.mqtt_client import WITH_WILL, new_client
from idc_alarm.link.reports import Reports
from idc_alarm.link.subscriptions import Place, filters_of, foreign_site, subscriptions
from idc_contracts import AlarmActed, AlarmState
from idc_servicekit.mqtt import MqttSettings, why_unreachable

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S: Final = 2.0
"""How long a clean stop waits for the broker to take the last status, and for the connection to end."""
STABLE_S: Final = 10.0
"""A connection that lasted this long was a good one; two alarms of one name throw each other out much sooner."""
CAUGHT_UP_S: Final = 0.5
"""After the subscriptions, a pause of this length means that the broker has sent all that it kept."""
HUNG_AFTER_S: Final = 30.0
"""A controller that has not called `move` for this long hangs."""


class MqttLink:
    """Holds one persistent MQTT 5 session and reconnects without end. Only the controller's thread uses it.

    Each connection has its own paho client and thread, whose callbacks come through the queue: nothing here needs a
    lock, and a name server that hangs holds up nothing.
    """

    def __init__(
        self,
        settings: MqttSettings,
        queue: EventQueue,
        *,
        place: Place,
        version: str,
        backoff: Backoff,
        home_assistant: Literal["off", "on", "remove"] = "off",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._place = place
        self._backoff = backoff
        self._clock = clock
        self._reports = Reports(place, version, home_assistant, clock)
        self._client: mqtt.Client | None = None
        self._connection = 0
        self._connect_due_s = self._moved_s = clock()
        self._is_session_new = False
        self._ready_since_s: float | None = None
        self._last_message_s = 0.0
        self._is_caught_up = False
        self._arrived: list[Delivery] = []

    @property
    def is_ready(self) -> bool:
        """Whether the broker accepted both the connection and the subscriptions."""
        return self._ready_since_s is not None

    @property
    def wait_s(self) -> float:
        """Seconds until `move` has something to do, unless something arrives."""
        if self._client is None:
            return self._connect_due_s - self._clock()
        return self._reports.due_s - self._clock() if self.is_ready else inf

    def move(self) -> None:
        """Do what is due: connect, or publish what waits."""
        self._moved_s = self._clock()
        if self._client is None:
            if self._moved_s >= self._connect_due_s:
                self._connect()
        elif self.is_ready and self._moved_s >= self._reports.answer_due_s:
            logger.error("the connection to the broker hangs: connecting again")
            self.drop()
        else:
            self._publish()

    def take(self) -> Sequence[Delivery]:
        """What arrived since the last call."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages to the broker. Those of an earlier connection are ignored: they will come again."""
        if self._client is not None:
            for delivery in deliveries:
                # A message at QoS 0 has no packet id, and the broker ends a connection that acknowledges one.
                if delivery.packet_id != 0 and delivery.connection == self._connection:
                    self._client.ack(delivery.packet_id, qos=1)

    def report(self, state: AlarmState) -> None:
        """Publish the state, retained, now or as soon as there is a connection; a newer one replaces it."""
        self._reports.set_state(state)
        self._publish()

    def report_actions(self, actions: Sequence[AlarmActed]) -> None:
        """Publish each of these actions until the broker has taken it for a listener; they replace the earlier ones."""
        self._reports.actions.waiting = actions
        self._publish()

    def take_delivered(self) -> Sequence[UUID]:
        """The message ids of the actions that the broker took for a listener since the last call."""
        return self._reports.actions.take_delivered()

    def drop(self) -> None:
        """Break the connection until `move`: the broker reports `offline` and keeps unacknowledged messages."""
        if self._client is not None:
            self._client.disconnect(WITH_WILL)
            self._lose()

    def close(self) -> None:
        """Say `offline` and end the connection, or abandon one that hangs; the broker keeps the session."""
        client = self._client
        if client is None:
            return
        end_s = self._clock() + CLOSE_TIMEOUT_S
        if self.is_ready:
            self._reports.end(client)
            self._run_while(lambda: self._client is client and self._reports.answer_due_s < inf, end_s)
        client.disconnect()
        self._run_while(lambda: self._client is client and self.is_ready, end_s)
        if self.is_ready:
            logger.warning("the connection to the broker hangs: the broker will report `offline` itself")
        self._lose()

    def _run_while(self, is_waiting: Callable[[], bool], end_s: float) -> None:
        while is_waiting() and self._clock() < end_s:
            self._queue.run(end_s - self._clock())

    def _connect(self) -> None:
        # A new client for each connection: unsent messages of the last one cannot follow those of this one, and
        # a replaced password or certificate is read.
        client_id = f"idc-alarm-{self._place.site}-{self._place.device}"
        try:
            client = new_client(self._settings, client_id=client_id, will=self._reports.status("offline"))
        except OSError as exc:  # TLS errors and unreadable secrets are OSErrors too
            self._on_connect_fail(None, why_unreachable(exc))
            return
        client.is_controller_hung = lambda: self._clock() - self._moved_s > HUNG_AFTER_S
        client.on_connect = self._in_turn(self._on_connect)
        client.on_subscribe = self._in_turn(self._on_subscribe)
        client.on_disconnect = self._in_turn(self._on_disconnect)
        client.on_publish = self._in_turn(self._on_publish)
        client.on_message = self._in_turn(self._on_message)
        failed = self._in_turn(self._on_connect_fail)
        client.on_connect_fail = lambda client, data: failed(client, data, _why_unreachable())
        self._client = client
        self._connection += 1
        client.loop_start()

    def _in_turn(self, handler: Callable[..., None]) -> Callable[..., None]:
        """A callback for paho's thread that has the controller's thread call a handler."""
        return lambda client, _data, *given: self._queue.put(self._handle, handler, client, *given)

    def _handle(self, handler: Callable[..., None], client: mqtt.Client, *given: Any) -> None:
        if client is self._client:
            handler(client, *given)
        else:
            client.disconnect()  # it was dropped while it connected

    def _publish(self) -> None:
        if self._client is not None and self.is_ready:
            self._reports.publish(self._client)

    def _lose(self) -> None:
        now_s = self._clock()
        self._reports.lose_connection()
        if self._ready_since_s is not None and now_s - self._ready_since_s >= STABLE_S:
            self._backoff.reset()
        self._client = self._ready_since_s = None
        self._is_caught_up = False
        self._connect_due_s = now_s + self._backoff.next_s()

    def _on_connect_fail(self, _client: mqtt.Client | None, why: str) -> None:
        logger.warning("cannot reach the broker at %s:%d: %s", self._settings.host, self._settings.port, why)
        self._lose()

    def _on_connect(self, client: mqtt.Client, flags: mqtt.ConnectFlags, reason: ReasonCode, _: object) -> None:
        if reason.is_failure:
            logger.error("the broker rejected account %r: %s", self._settings.username, reason)
            return
        logger.info("connected to the broker", extra={"session_present": flags.session_present})
        self._is_session_new = not flags.session_present
        # A session that is there has its subscriptions; to ask again costs nothing and needs no second path.
        client.subscribe(subscriptions(self._place))

    def _on_subscribe(self, client: mqtt.Client, _packet_id: int, reasons: list[ReasonCode], _: object) -> None:
        if any(reason.is_failure for reason in reasons):
            logger.error("the broker rejected a subscription: %s", ", ".join(map(str, reasons)))
            client.disconnect()
            return
        logger.info("listening to the broker")
        self._ready_since_s = self._clock()
        self._reports.begin(client, is_session_new=self._is_session_new)

    def _on_disconnect(self, _client: mqtt.Client, _flags: object, reason: ReasonCode, _: object) -> None:
        if reason.is_failure:
            is_short = self._ready_since_s is not None and self._clock() - self._ready_since_s < STABLE_S
            hint = f": if this repeats, another alarm is named {self._place.device!r} too (ALARM_DEVICE)" * is_short
            logger.warning("the connection to the broker ended: %s%s", reason, hint)
        else:
            logger.info("the connection to the broker ended: %s", reason)
        self._lose()

    def _on_publish(self, _client: mqtt.Client, packet_id: int, reason: ReasonCode, _: object) -> None:
        self._reports.answered(packet_id, reason)

    def _on_message(self, client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        if site := foreign_site(topic, self._place):
            # The session outlives a setting: it still has the subscriptions of a site that was removed since.
            logger.info("unsubscribing from site %s, which is not in the settings", site)
            client.unsubscribe(filters_of(site))
            client.ack(message.mid, message.qos)
            return
        if self._ready_since_s is not None:
            pause_s = message.timestamp - max(self._ready_since_s, self._last_message_s)
            self._is_caught_up = self._is_caught_up or pause_s >= CAUGHT_UP_S
        self._last_message_s = message.timestamp
        is_live = self._is_caught_up and not message.retain
        self._arrived.append(Delivery(topic, bytes(message.payload), message.mid, is_live, self._connection))


def _why_unreachable() -> str:
    # paho has no argument for the error that it handles while it calls back; the error itself would hold the socket.
    error = sys.exception()
    return "unknown" if error is None else why_unreachable(error)
