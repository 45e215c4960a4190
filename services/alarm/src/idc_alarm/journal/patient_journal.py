"""A journal in a thread of its own: a disk that hangs holds up the alarm for a moment only."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from idc_alarm.errors import JournalFailed
from idc_alarm.journal.record import AlarmRecord, Journal
from idc_alarm.machine.condition import SUSPECT

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 2.0
"""A good SD card takes some 10 ms."""
LOAD_PATIENCE_S: Final = 10.0
"""While a machine starts, everything on it reads."""


class PatientJournal:
    """Waits for another journal within a limit. Only the alarm's loop calls it."""

    def __init__(
        self, journal: Journal, *, patience_s: float = PATIENCE_S, load_patience_s: float = LOAD_PATIENCE_S
    ) -> None:
        self._journal = journal
        self._patience_s = patience_s
        self._load_patience_s = load_patience_s
        self._access: _Access | None = None

    def load(self) -> AlarmRecord:
        """The record as last saved; where the disk does not answer, the alarm starts latched."""
        loaded: list[AlarmRecord] = []
        self._access = _Access(lambda: loaded.append(self._journal.load()))
        if not self._access.is_over(self._load_patience_s):
            logger.error(
                "the disk did not answer within %g s, look for its errors in `dmesg`: starting with red and buzzer on, "
                "as a finding may be in the journal",
                self._load_patience_s,
            )
            return AlarmRecord(condition=SUSPECT)
        self._access.raise_failure()
        return loaded[0]

    def save(self, record: AlarmRecord) -> None:
        """Replace the record; on return it is on the disk.

        Raises:
            JournalFailed: It could not be written, or the disk did not answer in time.
        """
        if self._access is not None and not self._access.is_over(0.0):
            raise JournalFailed("the disk does not answer, look for its errors in `dmesg`")
        self._access = _Access(lambda: self._journal.save(record))
        if not self._access.is_over(self._patience_s):
            raise JournalFailed(
                f"the disk did not answer within {self._patience_s:g} s, look for its errors in `dmesg`"
            )
        self._access.raise_failure()


class _Access:
    """One attempt to read or write."""

    def __init__(self, attempt: Callable[[], None]) -> None:
        self._failure: Exception | None = None
        self._attempt = attempt
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def is_over(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._attempt()
        except Exception as exc:  # noqa: BLE001 - raised again by who waits
            self._failure = exc
