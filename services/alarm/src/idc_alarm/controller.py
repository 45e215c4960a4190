"""The loop: what arrives is shown, journalled, reported and acknowledged, in this order and in one thread."""

import logging
from math import inf
from typing import Final

from idc_alarm.alarm import Alarm, AlarmPanel
from idc_alarm.errors import JournalFailed, UnreadableMessage
from idc_alarm.event_queue import EventQueue
from idc_alarm.health import Health
from idc_alarm.journal.patient_journal import PatientJournal
from idc_alarm.link.inbox import Delivery, read_event
from idc_alarm.link.mqtt_link import MqttLink
from idc_alarm.machine.events import ButtonPressed, ConnectionChanged, Event, JournalChanged, Started, TimePassed
from idc_alarm.watchdogs import Watchdog

logger = logging.getLogger(__name__)

LONGEST_TURN_S: Final = 5.0
"""Heartbeat files, watchdog and clock are served this often while nothing happens."""
JOURNAL_RETRY_S: Final = 1.0


class AlarmController:
    """Runs one alarm until the queue is closed."""

    def __init__(
        self,
        alarm: Alarm,
        panel: AlarmPanel,
        journal: PatientJournal,
        link: MqttLink,
        queue: EventQueue,
        health: Health,
        watchdog: Watchdog,
    ) -> None:
        self._alarm = alarm
        self._panel = panel
        self._journal = journal
        self._link = link
        self._queue = queue
        self._health = health
        self._watchdog = watchdog
        # The first save, before the broker is reached, shows that the journal can be written at all.
        self._is_unsaved = True
        self._is_failing = False
        self._was_ready = False
        self._is_report_due = True

    def run(self) -> None:
        """Show what was restored, then turn until the queue is closed; switch everything off at the end.

        Raises:
            PanelFailed: A lamp or the buzzer could not be driven.
        """
        try:
            self._alarm.show()
            self._do(Started())
            self._report()
            while not self._queue.is_closed:
                self.turn()
            self._link.close()
            self._watchdog.stop()
        finally:
            self._health.stop()
            self._panel.close()

    def turn(self) -> None:
        """Wait for what is next, at most `LONGEST_TURN_S`, and act on all that is there."""
        self._queue.run(self._prepare())
        self._alarm.unreported.remove(self._link.take_delivered())
        # Presses go first: the person at the button has not seen the messages of this turn.
        for pressed_s in self._panel.presses():
            self._do(ButtonPressed(pressed_s))
        self._notice_connection()
        deliveries = self._link.take()
        for delivery in deliveries:
            self._act(delivery)
        self._do(TimePassed())
        # One write for all that came together; what is not in the journal is not acknowledged and will come again.
        is_saved = self._save()
        self._report()
        if is_saved:
            self._link.acknowledge(deliveries)
        self._panel.keep_alive()
        self._health.beat(ready=self._link.is_ready)
        self._watchdog.feed()

    def _prepare(self) -> float:
        """Have the link do what is due, where the journal works; return how long to wait."""
        wait_s = JOURNAL_RETRY_S
        if self._save():
            self._link.move()
            wait_s = self._link.wait_s
        change_s = self._alarm.next_change_s
        return min(wait_s, inf if change_s is None else change_s, LONGEST_TURN_S, self._watchdog.interval_s)

    def _report(self) -> None:
        if self._is_report_due:
            self._link.report(self._alarm.state)
            self._is_report_due = False
        self._link.report_actions(self._alarm.unreported.actions)

    def _notice_connection(self) -> None:
        if self._link.is_ready != self._was_ready:
            self._was_ready = self._link.is_ready
            self._do(ConnectionChanged(self._was_ready))

    def _do(self, event: Event) -> None:
        """Have the alarm act on an event, and note what must be saved and reported."""
        revision, shown_at = self._alarm.revision, self._alarm.changed_at
        actions = self._alarm.act(event)
        self._is_unsaved = self._is_unsaved or self._alarm.revision != revision
        if actions or self._alarm.changed_at != shown_at:
            self._is_report_due = True

    def _act(self, delivery: Delivery) -> None:
        try:
            event = read_event(delivery)
        except UnreadableMessage as exc:
            size = len(delivery.payload)
            logger.warning("dropped a message of %d bytes on %.128r: %s", size, delivery.topic, exc)
            self._alarm.rejected_messages += 1
            self._is_report_due = True
            return
        self._do(event)

    def _save(self) -> bool:
        """Write changes to the journal. If that fails, leave the broker, which then reports `offline`."""
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
