"""The reports of actions on their way to the broker."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import paho.mqtt.client as mqtt
from paho.mqtt.reasoncodes import ReasonCode

from idc_alarm.journal.record import MAX_ACTIONS
from idc_contracts import ALARM_ACTIONS, AlarmActed

MAX_UNDER_WAY: Final = 16
AGAIN_AFTER_S: Final = 15.0
"""How long a report rests that the broker took and had no listener for, or refused."""
NO_LISTENER: Final = 0x10
"""`No matching subscribers` (MQTT 5, 3.4.2.1)."""


class ActionQueue:
    """Publishes each report until the broker has taken it for a listener; twice is once, by the message id."""

    def __init__(self, topic: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._clock = clock
        self._waiting: deque[AlarmActed] = deque(maxlen=MAX_ACTIONS)
        self._under_way: dict[int, AlarmActed] = {}
        self._unheard: list[AlarmActed] = []
        self._again_at_s = 0.0
        self._told: list[UUID] = []

    def add(self, actions: Sequence[AlarmActed]) -> None:
        """Let these wait too."""
        self._waiting.extend(actions)

    def told(self) -> list[UUID]:
        """The message ids of those that a listener gets, since the last call."""
        told, self._told = self._told, []
        return told

    def publish(self, client: mqtt.Client) -> None:
        """Send as many as may be under way at once."""
        if self._unheard and self._clock() >= self._again_at_s:
            self._wait_first(self._unheard)
            self._unheard = []
        while self._waiting and len(self._under_way) < MAX_UNDER_WAY:
            acted = self._waiting.popleft()
            info = client.publish(self._topic, acted.to_payload(), qos=ALARM_ACTIONS.qos)
            self._under_way[info.mid] = acted

    def answered(self, packet_id: int, reason: ReasonCode) -> None:
        """The broker answered a message, which may be another's."""
        acted = self._under_way.pop(packet_id, None)
        if acted is None:
            return
        if reason.is_failure or reason.value == NO_LISTENER:
            self._unheard.append(acted)
            self._again_at_s = self._clock() + AGAIN_AFTER_S
        else:
            self._told.append(acted.message_id)

    def lose_connection(self) -> None:
        """What was not answered goes out again, before what came later."""
        self._wait_first([*self._unheard, *self._under_way.values()])
        self._unheard = []
        self._under_way.clear()

    def _wait_first(self, actions: Sequence[AlarmActed]) -> None:
        self._waiting.extendleft(reversed(actions))
