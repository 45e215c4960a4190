"""Lets images go: oldest first, after so many days or beyond so many bytes, never an unreviewed positive."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from idc_contracts import utc_now
from idc_gateway.audit import AuditEvent
from idc_gateway.images import ImageStore
from idc_gateway.queries import NewImage
from idc_gateway.store_ports import Store

logger = logging.getLogger(__name__)

BATCH: Final = 500
REMOVED: Final = "images.removed"


class Pins:
    """Images that are being stored at this moment and must not be deleted under the hands of those who store them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count: Counter[str] = Counter()

    @contextmanager
    def held(self, sha256s: Sequence[str]) -> Iterator[None]:
        """Pin images while the block runs."""
        with self._lock:
            self._count.update(sha256s)
        try:
            yield
        finally:
            with self._lock:
                self._count.subtract(sha256s)
                self._count += Counter()  # drops what is at zero

    @contextmanager
    def unpinned(self, images: Sequence[NewImage]) -> Iterator[list[NewImage]]:
        """Those of the images that nobody stores now; nobody begins to while the block runs."""
        with self._lock:
            yield [image for image in images if not self._count[image.sha256]]


@dataclass(frozen=True)
class RetentionLimits:
    """How long and how much is kept."""

    max_age: timedelta
    max_bytes: int


class Retention:
    """Removes images."""

    def __init__(
        self,
        store: Store,
        images: ImageStore,
        pins: Pins,
        limits: RetentionLimits,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._images = images
        self._pins = pins
        self._limits = limits
        self._clock = clock

    def remove_due(self) -> int:
        """Remove all images that are too old or too many; returns how many. Blocks.

        Raises:
            StoreUnavailable: The database does not work.
            ImagesUnavailable: The image store does not work; what it still holds is listed still.
        """
        too_old = self._clock() - self._limits.max_age
        count = 0
        while due := self._store.images.removable(BATCH, stored_before=too_old):
            removed = self._remove(due, "older than allowed")
            count += removed
            if not removed:
                break
        return count + self._remove_surplus()

    def _remove_surplus(self) -> int:
        count = 0
        _, total_bytes = self._store.images.total()
        while total_bytes > self._limits.max_bytes:
            surplus = []
            for image in self._store.images.removable(BATCH):
                if total_bytes <= self._limits.max_bytes:
                    break
                surplus.append(image)
                total_bytes -= image.size_bytes
            removed = self._remove(surplus, "more than there is room for")
            count += removed
            if not removed:
                logger.warning("the images that wait for a review need more room than there is")
                break
        return count

    def _remove(self, due: Sequence[NewImage], reason: str) -> int:
        with self._pins.unpinned(due) as free:
            # The files go first: where that fails, the list still has them and the next turn tries again.
            for image in free:
                self._images.delete(image.sha256)
            if free:
                details = {"count": len(free), "bytes": sum(i.size_bytes for i in free), "reason": reason}
                event = AuditEvent(REMOVED, "gateway", "images", self._clock(), details=details)
                self._store.images.forget([image.sha256 for image in free], [event])
        return len(free)
