"""The reports of actions on their way to the broker."""

import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Final
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from idc_contracts import ALARM_ACTIONS, AlarmActed

MAX_IN_FLIGHT: Final = 16
AGAIN_AFTER_S: Final = 15.0
"""When to send a report again that the broker refused, or took without a listener for it."""
NO_LISTENER: Final = 0x10
"""`No matching subscribers` (MQTT 5, 3.4.2.1)."""


class ActionQueue:
    """Publishes each report until the broker has taken it for a listener; readers know a repeat by its message id."""

    def __init__(self, topic: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._clock = clock
        self.waiting: Sequence[AlarmActed] = ()
        """What no listener has, as far as is known, oldest first."""
        self._in_flight: dict[int, UUID] = {}
        self._unheard: set[UUID] = set()
        self._again_at_s = 0.0
        self._delivered: list[UUID] = []

    @property
    def due_s(self) -> float:
        """When to send reports again, on the monotonic clock."""
        return self._again_at_s if self._unheard else inf

    def take_delivered(self) -> list[UUID]:
        """The message ids of the reports that the broker took for a listener since the last call."""
        delivered, self._delivered = self._delivered, []
        self.waiting = [acted for acted in self.waiting if acted.message_id not in delivered]
        return delivered

    def publish(self, client: mqtt.Client) -> None:
        """Send as many as may be in flight at once."""
        if self._clock() >= self.due_s:
            self._unheard.clear()
        sent = {*self._in_flight.values(), *self._unheard, *self._delivered}
        unsent = [acted for acted in self.waiting if acted.message_id not in sent]
        for acted in unsent[: MAX_IN_FLIGHT - len(self._in_flight)]:
            info = client.publish(self._topic, acted.to_payload(), qos=ALARM_ACTIONS.qos)
            self._in_flight[info.mid] = acted.message_id

    def answered(self, packet_id: int, reason: ReasonCode) -> None:
        """Record the broker's answer to a message, which may not be a report of an action."""
        message_id = self._in_flight.pop(packet_id, None)
        if message_id is None:
            return
        if reason.is_failure or reason.value == NO_LISTENER:
            self._unheard.add(message_id)
            self._again_at_s = self._clock() + AGAIN_AFTER_S
        else:
            self._delivered.append(message_id)

    def lose_connection(self) -> None:
        """Send everything again over the next connection."""
        self._unheard.clear()
        self._in_flight.clear()
