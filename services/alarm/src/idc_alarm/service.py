"""The loop: what arrives is shown, written down, acknowledged and reported, in this order and in one thread."""

import logging
import time
from collections.abc import Callable
from typing import Final

from idc_alarm.alarm import Alarm
from idc_alarm.errors import JournalFailed, UnreadableMessage
from idc_alarm.health import Health
from idc_alarm.inbox import read_event
from idc_alarm.ports import BrokerLink, Delivery, Journal

logger = logging.getLogger(__name__)

TURN_S: Final = 1.0
"""How long a quiet turn lasts: the beat of the heartbeat files, and the longest wait for a stop."""


class AlarmService:
    """Runs one alarm."""

    def __init__(
        self,
        alarm: Alarm,
        journal: Journal,
        link: BrokerLink,
        health: Health,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._alarm = alarm
        self._journal = journal
        self._link = link
        self._health = health
        self._sleep = sleep
        # The first save, before the broker is reached, shows that the journal can be written at all.
        self._is_unsaved = True
        self._is_failing = False

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Show what was restored, then turn until `is_stopping`; leave everything dark.

        Raises:
            PanelFailed: A lamp or the buzzer could not be driven.
        """
        try:
            self._alarm.show()
            self._link.report(self._alarm.state)
            while not is_stopping():
                self.turn()
            self._link.close()
        finally:
            self._health.stop()
            self._alarm.go_dark()

    def turn(self) -> None:
        """One turn of the loop, at most `TURN_S` long while nothing arrives.

        Raises:
            PanelFailed: A lamp or the buzzer could not be driven.
        """
        if self._save():
            self._take(list(self._link.turn(TURN_S)))
        else:
            self._sleep(TURN_S)
        self._health.beat(ready=self._link.is_ready)

    def _take(self, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        is_changed = [self._act(delivery) for delivery in deliveries]
        # One write for all that came together; what is not written down is not acknowledged and will come again.
        if self._save():
            self._link.acknowledge(deliveries)
        if any(is_changed):
            self._link.report(self._alarm.state)

    def _act(self, delivery: Delivery) -> bool:
        try:
            event = read_event(delivery.topic, delivery.payload)
        except UnreadableMessage as exc:
            size = len(delivery.payload)
            logger.warning("dropped a message of %d bytes on %.128r: %s", size, delivery.topic, exc)
            self._alarm.count_rejected()
            return True
        is_new = self._alarm.act(event)
        self._is_unsaved = self._is_unsaved or is_new
        return is_new

    def _save(self) -> bool:
        """Write down what is new. Where that fails, leave the broker: it then tells everyone that this alarm is off."""
        if not self._is_unsaved:
            return True
        try:
            self._journal.save(self._alarm.record)
        except JournalFailed as exc:
            if not self._is_failing:
                logger.error("offline until the journal can be written: %s", exc)  # noqa: TRY400 - one line
            self._is_failing = True
            self._link.drop()
            return False
        if self._is_failing:
            logger.info("the journal can be written again")
        self._is_failing = self._is_unsaved = False
        return True
