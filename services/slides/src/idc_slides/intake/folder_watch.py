"""Looks into the watched folder again and again, and queues files that stand still."""

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import Final

from idc_slides.errors import StoreUnavailable
from idc_slides.intake.watched_folder import FoundSlide, WatchedFolder
from idc_slides.records.slides import FileState, Location, StoredSlide, new_slide
from idc_slides.records.slides_store import SlidesStore

logger = logging.getLogger(__name__)

BATCH: Final = 500
"""Slides that are stored in one transaction."""
RECEIVED_BY: Final = "folder"


class FolderWatch:
    """Run it in a thread."""

    def __init__(
        self,
        folder: WatchedFolder,
        store: SlidesStore,
        *,
        settle_s: float,
        on_new: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the watch.

        Args:
            folder: Where slides appear.
            store: Where they are queued.
            settle_s: How long a file's size and time of change must stand still.
            on_new: Called after slides were queued.
            clock: Seconds.
        """
        self._folder, self._store = folder, store
        self._settle_s, self._on_new, self._clock = settle_s, on_new, clock
        self._since: dict[Location, tuple[FileState, float]] = {}
        """When each file was first seen in its present state."""
        self._queued: dict[Location, FileState] = {}
        """What was offered to the store already."""
        self.trouble: str | None = None
        """Why the folder was not read the last time."""

    def run(self, stop: Event, every_s: float) -> None:
        while not stop.is_set():
            try:
                self.look()
                self._tell(None)
            except StoreUnavailable as exc:
                self._tell(f"slides of the watched folder cannot be queued: {exc}")
            except OSError as exc:
                self._tell(f"the watched folder cannot be read: {exc.strerror}")
            stop.wait(every_s)

    def look(self) -> int:
        """Look once; gives how many slides were queued.

        Raises:
            StoreUnavailable: The database does not answer; what was not queued is queued the next time.
            OSError: The folder cannot be read.
        """
        now_s, added = self._clock(), 0
        seen: dict[Location, tuple[FileState, float]] = {}
        batch: list[StoredSlide] = []
        for found in self._folder.scan():
            location = Location.in_folder(found.relative)
            state, since_s = self._since.get(location, (None, now_s))
            seen[location] = (found.file, since_s if state == found.file else now_s)
            if now_s - seen[location][1] >= self._settle_s and self._queued.get(location) != found.file:
                batch.append(_as_slide(location, found))
            if len(batch) == BATCH:
                added += self._add(batch)
                batch = []
        added += self._add(batch)
        self._since = seen
        self._queued = {location: state for location, state in self._queued.items() if location in seen}
        return added

    def _add(self, batch: list[StoredSlide]) -> int:
        if not batch:
            return 0
        added = self._store.add(batch)
        self._queued.update((slide.location, slide.file) for slide in batch)
        if added:
            logger.info("%d slides of the watched folder were queued", added)
            self._on_new()
        return added

    def _tell(self, trouble: str | None) -> None:
        """Log a trouble once, not at each look."""
        if trouble is not None and trouble != self.trouble:
            logger.error("%s", trouble)
        self.trouble = trouble


def _as_slide(location: Location, found: FoundSlide) -> StoredSlide:
    return new_slide(location, found.file, received_by=RECEIVED_BY, failure=found.failure)
