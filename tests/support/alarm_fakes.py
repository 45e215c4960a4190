"""Stand-ins for the alarm's ports, for tests and trials without a broker, a disk or pins."""

import time
from collections.abc import Sequence
from math import inf
from uuid import UUID

from idc_alarm.errors import JournalFailed, PanelFailed
from idc_alarm.event_queue import EventQueue
from idc_alarm.journal.record import AlarmRecord
from idc_alarm.link.inbox import Delivery
from idc_alarm.machine.signals import Signals
from idc_contracts import AlarmActed, AlarmState, Lamps


class FakePanel:
    """Remembers what it had to show."""

    def __init__(self) -> None:
        self.history: list[Signals] = []
        self.waiting_presses = 0
        self.is_broken = False
        self.is_closed = False

    @property
    def signals(self) -> Signals:
        return self.history[-1] if self.history else Signals()

    @property
    def lamps(self) -> Lamps:
        return self.signals.lamps

    @property
    def buzzer(self) -> bool:
        return self.signals.is_buzzing

    def show(self, signals: Signals) -> None:
        self.keep_alive()
        self.history.append(signals)

    def keep_alive(self) -> None:
        if self.is_broken:
            raise PanelFailed("this panel is set to fail")

    def presses(self) -> Sequence[float]:
        """The presses that the test set, as if they were made just now."""
        presses, self.waiting_presses = self.waiting_presses, 0
        return [time.monotonic()] * presses

    def close(self) -> None:
        self.history.append(Signals())
        self.is_closed = True


class MemoryJournal:
    """Keeps the record in memory."""

    def __init__(self, record: AlarmRecord | None = None) -> None:
        self.record = record or AlarmRecord()
        self.saves = 0
        self.is_full = False

    def load(self) -> AlarmRecord:
        return self.record

    def save(self, record: AlarmRecord) -> None:
        if self.is_full:
            raise JournalFailed("this journal is set to fail")
        self.record = record
        self.saves += 1


class FakeLink:
    """Hands out scripted batches and remembers what it got."""

    def __init__(self, *batches: Sequence[Delivery]) -> None:
        self.batches = list(batches)
        self.is_ready = True
        self.is_reachable = True
        self.acknowledged: list[int] = []
        self.reports: list[AlarmState] = []
        self.actions: list[AlarmActed] = []
        self.is_listened_to = True
        self._delivered: list[UUID] = []
        self.drops = 0
        self.is_closed = False
        self.wait_s = inf

    def move(self) -> None:
        """Connect, unless `is_reachable` is unset."""
        self.is_ready = self.is_reachable

    def take(self) -> Sequence[Delivery]:
        """The next batch; none while the link is not ready."""
        return self.batches.pop(0) if self.batches and self.is_ready else []

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self.acknowledged += [delivery.packet_id for delivery in deliveries]

    def report(self, state: AlarmState) -> None:
        self.reports.append(state)

    def report_actions(self, actions: Sequence[AlarmActed]) -> None:
        new = [acted for acted in actions if acted not in self.actions]
        self.actions += new
        self._delivered += [acted.message_id for acted in new] if self.is_listened_to else []

    def take_delivered(self) -> Sequence[UUID]:
        """All that was reported since the last call, unless `is_listened_to` is unset."""
        delivered, self._delivered = self._delivered, []
        return delivered

    def drop(self) -> None:
        self.drops += 1
        self.is_ready = False

    def close(self) -> None:
        self.is_closed = True


class FakeQueue(EventQueue):
    """Never waits, remembers how long it should have, and closes with the turn of the number `last_turn`."""

    def __init__(self) -> None:
        super().__init__()
        self.last_turn = 0
        self.waits_s: list[float] = []

    def run(self, timeout_s: float) -> None:
        self.waits_s.append(timeout_s)
        super().run(0.0)
        if len(self.waits_s) == self.last_turn:
            self.close()


class FakeWatchdog:
    """Counts how often it was fed."""

    def __init__(self, interval_s: float = inf) -> None:
        self.interval_s = interval_s
        self.feeds = 0
        self.is_stopped = False

    def feed(self) -> None:
        self.feeds += 1

    def stop(self) -> None:
        self.is_stopped = True
