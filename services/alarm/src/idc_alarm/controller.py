"""The loop: what arrives is shown, written down, acknowledged and reported, in this order and in one thread."""

import logging
import time
from collections.abc import Callable
from typing import Final

from idc_alarm.alarm import Alarm
from idc_alarm.errors import JournalFailed, UnreadableMessage
from idc_alarm.health import Health
from idc_alarm.journal.record import Journal
from idc_alarm.link.inbox import Delivery, read_event
from idc_alarm.machine.events import ButtonPressed, ConnectionChanged, Event, JournalChanged, Started, TimePassed
from idc_alarm.ports import AlarmPanel, BrokerLink
from idc_alarm.watchdogs import Watchdog
from idc_contracts import AlarmActed

logger = logging.getLogger(__name__)

TURN_S: Final = 1.0
"""How long a quiet turn lasts: the beat of the heartbeat files, and the longest wait for a stop."""


class AlarmController:
    """Runs one alarm."""

    def __init__(
        self,
        alarm: Alarm,
        panel: AlarmPanel,
        journal: Journal,
        link: BrokerLink,
        health: Health,
        watchdog: Watchdog,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing runs yet.

        Args:
            alarm: Lamps, buzzer and memory.
            panel: The alarm's panel, for its button.
            journal: Where the alarm's memory is written down.
            link: The connection to the broker.
            health: Shows health checks that the loop turns.
            watchdog: Fed with each turn.
            sleep: Waits where the broker is not to be heard; a press of the button may end it early.
        """
        self._alarm = alarm
        self._panel = panel
        self._journal = journal
        self._link = link
        self._health = health
        self._watchdog = watchdog
        self._sleep = sleep
        # The first save, before the broker is reached, shows that the journal can be written at all.
        self._is_unsaved = True
        self._is_failing = False
        self._was_ready = False
        self._is_report_due = True
        self._news: list[AlarmActed] = list(alarm.untold)

    def run(self, is_stopping: Callable[[], bool]) -> None:
        """Show what was restored, then turn until `is_stopping`; leave everything dark.

        Raises:
            PanelFailed: A lamp or the buzzer could not be driven.
        """
        try:
            self._alarm.show()
            self._do(Started())
            self._report()
            while not is_stopping():
                self.turn()
            self._link.close()
            self._watchdog.stop()
        finally:
            self._health.stop()
            self._alarm.go_dark()

    def turn(self) -> None:
        """One turn of the loop, at most `TURN_S` long while nothing arrives.

        Raises:
            PanelFailed: A lamp or the buzzer could not be driven.
        """
        arrived: list[Delivery] = []
        if self._save():
            arrived = list(self._link.turn(self._wait_s()))
        else:
            self._sleep(TURN_S)
        # Presses go first: whoever pressed the button has not seen what is acted on only now.
        for pressed_s in self._panel.presses():
            self._do(ButtonPressed(pressed_s))
        self._take(arrived)
        self._notice_connection()
        self._do(TimePassed())
        self._save()
        self._report()
        self._panel.keep_alive()
        self._health.beat(ready=self._link.is_ready)
        self._watchdog.feed()

    def _report(self) -> None:
        if self._is_report_due:
            self._link.report(self._alarm.state)
            self._is_report_due = False
        if self._news:
            self._link.tell(self._news)
            self._news = []
        self._alarm.forget_told(self._link.told())

    def _wait_s(self) -> float:
        change_s = self._alarm.next_change_s
        return TURN_S if change_s is None else min(TURN_S, change_s)

    def _notice_connection(self) -> None:
        if self._link.is_ready != self._was_ready:
            self._was_ready = self._link.is_ready
            self._do(ConnectionChanged(self._was_ready))

    def _do(self, event: Event) -> None:
        """Let the alarm act on an event, and note what is to be reported."""
        revision, shown_at = self._alarm.revision, self._alarm.changed_at
        actions = self._alarm.act(event)
        self._is_unsaved = self._is_unsaved or self._alarm.revision != revision
        if actions or self._alarm.changed_at != shown_at:
            self._is_report_due = True
        self._news += actions

    def _take(self, deliveries: list[Delivery]) -> None:
        if not deliveries:
            return
        self._notice_connection()
        for delivery in deliveries:
            self._act(delivery)
        # One write for all that came together; what is not written down is not acknowledged and will come again.
        if self._save():
            self._link.acknowledge(deliveries)

    def _act(self, delivery: Delivery) -> None:
        try:
            event = read_event(delivery)
        except UnreadableMessage as exc:
            size = len(delivery.payload)
            logger.warning("dropped a message of %d bytes on %.128r: %s", size, delivery.topic, exc)
            self._alarm.count_rejected()
            self._is_report_due = True
            return
        self._do(event)

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
                self._do(JournalChanged(is_working=False))
            self._link.drop()
            return False
        self._is_unsaved = False
        if self._is_failing:
            logger.info("the journal can be written again")
            self._is_failing = False
            self._do(JournalChanged(is_working=True))
        return True
