"""A journal with a deadline: a disk that hangs delays the alarm for a moment only."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from idc_alarm.errors import JournalFailed
from idc_alarm.journal.file_journal import FileJournal
from idc_alarm.journal.record import AlarmRecord
from idc_alarm.machine.condition import SUSPECT

logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE_S: Final = 2.0
"""A good SD card takes some 10 ms."""
LOAD_PATIENCE_S: Final = 10.0
"""While a machine starts, everything on it reads."""


class PatientJournal:
    """Reads and writes the journal in a thread of each access, and waits within a limit. Only one thread calls it."""

    def __init__(
        self, journal: FileJournal, *, patience_s: float = PATIENCE_S, load_patience_s: float = LOAD_PATIENCE_S
    ) -> None:
        self._journal = journal
        self._patience_s = patience_s
        self._load_patience_s = load_patience_s
        self._access: Future[Any] | None = None

    def load(self) -> AlarmRecord:
        """The record as last saved; where the disk does not answer, the alarm starts latched."""
        self._access = loaded = _start(self._journal.load)
        try:
            return loaded.result(self._load_patience_s)
        except TimeoutError:
            logger.error(  # noqa: TRY400 - one line
                "the disk did not answer within %g s, look for its errors in `dmesg`: starting with red and buzzer on, "
                "as a finding may be in the journal",
                self._load_patience_s,
            )
            return AlarmRecord(condition=SUSPECT)

    def save(self, record: AlarmRecord) -> None:
        """As `FileJournal.save`; it also fails when the disk does not answer in time."""
        if self._access is not None and not self._access.done():
            raise JournalFailed("the disk does not answer, look for its errors in `dmesg`")
        self._access = saved = _start(lambda: self._journal.save(record))
        try:
            saved.result(self._patience_s)
        except TimeoutError:
            problem = f"the disk did not answer within {self._patience_s:g} s, look for its errors in `dmesg`"
            raise JournalFailed(problem) from None


def _start(access: Callable[[], T]) -> Future[T]:
    # No executor: it would wait at the end of the process for a thread that hangs.
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(access, future), name="journal", daemon=True).start()
    return future


def _run(access: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(access())
    except Exception as exc:  # noqa: BLE001 - raised again in the thread that waits
        future.set_exception(exc)
