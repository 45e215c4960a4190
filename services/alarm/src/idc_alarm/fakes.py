"""Stand-ins for the alarm's ports, for tests and trials without a broker, a disk or pins."""

from collections.abc import Sequence

from idc_alarm.errors import JournalFailed, PanelFailed
from idc_alarm.ports import Delivery
from idc_alarm.record import AlarmRecord
from idc_contracts import AlarmState, Lamps


class FakePanel:
    """Remembers what it was told to show."""

    def __init__(self) -> None:
        self.history: list[tuple[Lamps, bool]] = []
        self.is_broken = False
        self.is_closed = False

    @property
    def lamps(self) -> Lamps:
        """The lamps as they are lit now."""
        return self.history[-1][0] if self.history else Lamps()

    @property
    def buzzer(self) -> bool:
        """Whether the buzzer sounds now."""
        return bool(self.history) and self.history[-1][1]

    def show(self, lamps: Lamps, *, buzzer: bool) -> None:
        """Remember the outputs.

        Raises:
            PanelFailed: `is_broken` is set.
        """
        if self.is_broken:
            raise PanelFailed("this panel is set to fail")
        self.history.append((lamps, buzzer))

    def close(self) -> None:
        """Put out everything."""
        self.history.append((Lamps(), False))
        self.is_closed = True


class MemoryJournal:
    """Keeps the record in memory."""

    def __init__(self, record: AlarmRecord | None = None) -> None:
        self.record = record or AlarmRecord()
        self.saves = 0
        self.is_full = False

    def load(self) -> AlarmRecord:
        """The record as last saved."""
        return self.record

    def save(self, record: AlarmRecord) -> None:
        """Replace the record.

        Raises:
            JournalFailed: `is_full` is set.
        """
        if self.is_full:
            raise JournalFailed("this journal is set to fail")
        self.record = record
        self.saves += 1


class FakeLink:
    """Hands out scripted batches and remembers what it was told."""

    def __init__(self, *batches: Sequence[Delivery]) -> None:
        self.batches = list(batches)
        self.is_ready = True
        self.acknowledged: list[int] = []
        self.reports: list[AlarmState] = []
        self.drops = 0
        self.is_closed = False

    def turn(self, timeout_s: float) -> Sequence[Delivery]:  # noqa: ARG002 - it never waits
        """The next batch."""
        self.is_ready = True
        return self.batches.pop(0) if self.batches else []

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Remember the packet ids."""
        self.acknowledged += [delivery.packet_id for delivery in deliveries]

    def report(self, state: AlarmState) -> None:
        """Remember the state."""
        self.reports.append(state)

    def drop(self) -> None:
        """Remember that the connection was broken."""
        self.drops += 1
        self.is_ready = False

    def close(self) -> None:
        """Remember that the connection was ended."""
        self.is_closed = True
