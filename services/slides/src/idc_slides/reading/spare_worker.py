"""A worker process that was started ahead, so that a slide need not wait for an interpreter and its libraries."""

import logging
from threading import Lock

from idc_slides.reading.limits import Limits
from idc_slides.reading.worker_process import WorkerProcess

logger = logging.getLogger(__name__)


class SpareWorker:
    """Keeps one worker that has opened nothing yet. Safe in threads."""

    def __init__(self, limits: Limits) -> None:
        """Prepare nothing yet; `limits` are those of every worker."""
        self.limits = limits
        self._spare: WorkerProcess | None = None
        self._is_closed = False
        self._lock = Lock()

    @property
    def pid(self) -> int:
        """The spare worker's process id; 0 where there is none."""
        spare = self._spare
        return spare.pid if spare is not None else 0

    def prepare(self) -> None:
        """Start a spare worker where there is none. That takes a core for a moment: do it when a slide is through."""
        with self._lock:
            if self._is_closed or (self._spare is not None and self._spare.is_running):
                return
            try:
                self._spare = WorkerProcess(self.limits)
            except OSError as exc:
                self._spare = None
                logger.warning("no reader was started ahead: %s", exc)

    def take(self) -> WorkerProcess:
        """The spare worker, which is the caller's from now on; a new one where there is none.

        Raises:
            OSError: None can be started.
        """
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None and spare.is_running:
            return spare
        if spare is not None:
            spare.kill()
        return WorkerProcess(self.limits)

    def close(self) -> None:
        """End the spare worker; none is prepared any more."""
        with self._lock:
            self._is_closed = True
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.kill()
