"""Removes images, the oldest first, by age and by total size; never an unreviewed positive."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from idc_contracts import utc_now
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.queries import ListedImage

logger = logging.getLogger(__name__)

BATCH: Final = 100
"""Images in one transaction, for which other writers wait."""
REMOVED: Final = "images.removed"


class Retention:
    """Unlists images; `ImageDeletions` deletes their objects in the background."""

    def __init__(
        self,
        index: ImageIndexStore,
        *,
        max_age: timedelta,
        max_bytes: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._index = index
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._clock = clock

    def remove_due(self) -> int:
        """Remove all images that are too old or too many; returns how many. Blocks."""
        return self._remove_old() + self._remove_surplus()

    def _remove_old(self) -> int:
        too_old, count = self._clock() - self._max_age, 0
        while due := self._index.removable(BATCH, stored_before=too_old):
            removed = self._remove(due, "over the age limit")
            count += removed
            if not removed:
                break
        return count

    def _remove_surplus(self) -> int:
        count = 0
        while (surplus_bytes := self._index.total()[1] - self._max_bytes) > 0:
            removed = self._remove(self._oldest(surplus_bytes), "over the size limit")
            count += removed
            if not removed:
                logger.warning("images with unreviewed positives need more than the retention size")
                break
        return count

    def _oldest(self, needed_bytes: int) -> list[ListedImage]:
        """The oldest images with `needed_bytes` together, at most a batch."""
        chosen = []
        for image in self._index.removable(BATCH):
            if needed_bytes <= 0:
                break
            chosen.append(image)
            needed_bytes -= image.size_bytes
        return chosen

    def _remove(self, candidates: Sequence[ListedImage], reason: str) -> int:
        event = AuditEvent(REMOVED, "gateway", "images", self._clock(), details={"reason": reason})
        return self._index.remove(candidates, event)
