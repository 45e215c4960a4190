"""What the alarm publishes: its status, its state, its actions, and its description for Home Assistant."""

import logging
import time
from collections.abc import Callable
from math import inf
from typing import Final, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from idc_alarm.link.action_queue import ActionQueue
from idc_alarm.link.home_assistant import discovery, discovery_topic
from idc_alarm.link.subscriptions import Place
from idc_contracts import ALARM_ACTIONS, ALARM_STATE, ALARM_STATUS, AlarmState, ServiceStatus

logger = logging.getLogger(__name__)

STATUS_REPEAT_S: Final = 60
"""Status and state are repeated this often: they come back where somebody deleted them by mistake."""
ANSWER_TIMEOUT_S: Final = 30.0
"""A status that the broker has not taken by then: the connection hangs."""


class Reports:
    """Publishes over one connection after another; what was not taken is sent again over the next."""

    def __init__(
        self,
        place: Place,
        version: str,
        home_assistant: Literal["off", "on", "remove"],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._at = {"site": place.site, "device": place.device}
        self._version = version
        self._home_assistant = home_assistant
        self._clock = clock
        self.actions = ActionQueue(ALARM_ACTIONS.at(**self._at), clock)
        self._state: AlarmState | None = None
        self._is_state_due = False
        self._state_packet_id: int | None = None
        self._status_packet_id: int | None = None
        self._status_due_s = inf
        self.answer_due_s = inf
        """When the broker must have taken the last status, on the monotonic clock; infinite once it has."""

    @property
    def due_s(self) -> float:
        """When there is something to do, on the monotonic clock."""
        return min(self._status_due_s, self.answer_due_s, self.actions.due_s)

    def begin(self, client: mqtt.Client, *, is_session_new: bool) -> None:
        """Publish everything over a new connection."""
        self._say_online(client, is_session_new=is_session_new)
        if self._home_assistant != "off":
            site, device = self._place.site, self._place.device
            payload = discovery(site, device, self._version) if self._home_assistant == "on" else b""
            client.publish(discovery_topic(site, device), payload, qos=1, retain=True)
        self.publish(client)

    def end(self, client: mqtt.Client) -> None:
        """Say `offline`."""
        self._publish_status(client, *self.status("offline"))

    def set_state(self, state: AlarmState) -> None:
        """Replace the state that is published next."""
        self._state = state
        self._is_state_due = True

    def publish(self, client: mqtt.Client) -> None:
        """Publish what is due. At most one state is in flight: in a burst the older ones are dropped."""
        if self._clock() >= self._status_due_s:
            self._say_online(client, is_session_new=False)
        if self._state is not None and self._is_state_due and self._state_packet_id is None:
            topic, payload = ALARM_STATE.at(**self._at), self._state.to_payload()
            self._state_packet_id = client.publish(topic, payload, qos=ALARM_STATE.qos, retain=True).mid
            self._is_state_due = False
        self.actions.publish(client)

    def answered(self, packet_id: int, reason: ReasonCode) -> None:
        """Record that the broker took or refused a message."""
        if reason.is_failure:
            logger.error("the broker rejected a report: %s", reason)
        self.actions.answered(packet_id, reason)
        if packet_id == self._state_packet_id:
            self._state_packet_id = None
        if packet_id == self._status_packet_id:
            self.answer_due_s = inf

    def lose_connection(self) -> None:
        """Forget what is in flight."""
        self.actions.lose_connection()
        self._state_packet_id = None
        self._status_due_s = self.answer_due_s = inf

    def status(self, status: Literal["online", "offline"], *, is_session_new: bool = False) -> tuple[str, bytes]:
        """Topic and payload of a status."""
        message = ServiceStatus(
            source=self._place.device,
            status=status,
            version=self._version,
            is_session_new=is_session_new,
            repeat_s=STATUS_REPEAT_S,
        )
        return ALARM_STATUS.at(**self._at), message.to_payload()

    def _say_online(self, client: mqtt.Client, *, is_session_new: bool) -> None:
        # A gateway that reads `is_session_new` sends its latest messages again: once is enough.
        self._publish_status(client, *self.status("online", is_session_new=is_session_new))
        self._is_state_due = True

    def _publish_status(self, client: mqtt.Client, topic: str, payload: bytes) -> None:
        self._status_packet_id = client.publish(topic, payload, qos=ALARM_STATUS.qos, retain=True).mid
        self._status_due_s = self._clock() + STATUS_REPEAT_S
        self.answer_due_s = self._clock() + ANSWER_TIMEOUT_S
