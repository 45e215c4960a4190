"""A worker's hold on a slide: renewed while it works, and looked at wherever it could wait."""

import logging
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from idc_slides.errors import Interrupted, LeaseLost, StoreUnavailable
from idc_slides.records.queue_store import QueueStore

logger = logging.getLogger(__name__)

RENEW_EVERY_S: Final = 10.0


class Lease:
    """Renews the hold in a thread while the block runs."""

    def __init__(
        self, queue: QueueStore, slide_id: UUID, owner: str, stopping: Event, *, every_s: float = RENEW_EVERY_S
    ) -> None:
        """Hold a slide that was claimed; `stopping` is set where the service ends."""
        self._queue, self._slide_id, self.owner = queue, slide_id, owner
        self._stopping, self._every_s = stopping, every_s
        self._lost = False
        self._ended = Event()
        self._thread = Thread(target=self._renew, name=f"lease of {slide_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Go on, or stop.

        Raises:
            LeaseLost: The slide was cancelled or deleted, or another worker has it.
            Interrupted: The service stops.
        """
        if self._lost:
            raise LeaseLost(f"slide {self._slide_id} is this worker's no more")
        if self._stopping.is_set():
            raise Interrupted

    def wait(self, timeout_s: float) -> None:
        """Wait, and stop where `check` says so."""
        self._stopping.wait(timeout_s)
        self.check()

    def _renew(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                self._queue.renew(self._slide_id, self.owner)
            except LeaseLost:
                self._lost = True
                return
            except StoreUnavailable as exc:  # the next time may be in time
                logger.warning("the hold on slide %s was not renewed: %s", self._slide_id, exc)
