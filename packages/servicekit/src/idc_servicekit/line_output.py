"""Writes log lines in its own thread: a reader that stalls costs lines, but never blocks the service."""

import logging
import sys
import time
from queue import Full, Queue
from threading import Thread
from typing import Any, Final

MAX_LINES: Final = 10_000
"""Lines that may wait; more are dropped and counted."""
END_TIMEOUT_S: Final = 2.0
"""How long the end of the process waits for the last lines."""
_RETRY_S: Final = 0.05


class LineOutput(logging.Handler):
    """A handler for standard output: a pipe that nobody reads, or a full disk behind it, blocks only its thread."""

    def __init__(self, *, max_lines: int = MAX_LINES) -> None:
        super().__init__()
        # Without a buffer there is no lock that this thread could hold when the interpreter ends and flushes.
        buffer = sys.stdout.buffer
        self._raw: Any = getattr(buffer, "raw", buffer)
        self._lines: Queue[bytes] = Queue(max_lines)
        self._dropped = 0
        self._thread: Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception:  # noqa: BLE001 - what cannot be logged must not fail the caller
            self.handleError(record)
            return
        try:
            self._lines.put_nowait(line)
        except Full:
            self._dropped += 1
        if self._thread is None:  # under the handler's lock
            self._thread = Thread(target=self._run, name="log-output", daemon=True)
            self._thread.start()

    def flush(self) -> None:
        """Wait for the lines to be written, at most `END_TIMEOUT_S`."""
        end_s = time.monotonic() + END_TIMEOUT_S
        while self._lines.unfinished_tasks and time.monotonic() < end_s:
            time.sleep(0.001)

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            self._write(line)
            self._lines.task_done()
            self._report_dropped()

    def _report_dropped(self) -> None:
        if self._dropped and self._lines.empty():
            count, self._dropped = self._dropped, 0
            text = f"{count} log lines were dropped: the output was not read"
            record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)
            self._write(self.format(record).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        try:
            while line:
                written = self._raw.write(line)
                if written is None:  # a non-blocking pipe that is full
                    time.sleep(_RETRY_S)
                else:
                    line = line[written:]
        except (OSError, ValueError):  # a full disk or a closed pipe; the next line may succeed
            self._dropped += 1
