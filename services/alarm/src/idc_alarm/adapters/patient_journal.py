"""A journal in a thread of its own: a disk that hangs holds up the alarm for a moment only."""

import threading
from typing import Final

from idc_alarm.errors import JournalFailed
from idc_alarm.ports import Journal
from idc_alarm.record import AlarmRecord

PATIENCE_S: Final = 2.0
"""A good SD card takes some 10 ms."""


class PatientJournal:
    """Waits for another journal, but not for ever. Only the alarm's loop calls it."""

    def __init__(self, journal: Journal, *, patience_s: float = PATIENCE_S) -> None:
        self._journal = journal
        self._patience_s = patience_s
        self._writing: _Writing | None = None

    def load(self) -> AlarmRecord:
        """The record as last saved."""
        return self._journal.load()

    def save(self, record: AlarmRecord) -> None:
        """Replace the record; on return it is on the disk.

        Raises:
            JournalFailed: It could not be written, or the disk did not answer in time.
        """
        if self._writing is not None and not self._writing.is_over(0.0):
            raise JournalFailed("the disk does not answer, look for its errors in `dmesg`")
        self._writing = _Writing(self._journal, record)
        if not self._writing.is_over(self._patience_s):
            raise JournalFailed(
                f"the disk did not answer within {self._patience_s:g} s, look for its errors in `dmesg`"
            )
        if self._writing.failure is not None:
            raise self._writing.failure


class _Writing:
    """One attempt to write."""

    def __init__(self, journal: Journal, record: AlarmRecord) -> None:
        self.failure: Exception | None = None
        self._journal = journal
        self._record = record
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def is_over(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _write(self) -> None:
        try:
            self._journal.save(self._record)
        except Exception as exc:  # noqa: BLE001 - raised again by who waits
            self.failure = exc
