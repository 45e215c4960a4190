"""Removes expired receipts and images, and results that a deletion of their folder has left."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.errors import StoreUnavailable
from idc_gateway.idempotency.receipts import KEEP_RECEIPTS
from idc_gateway.idempotency.receipts_store import ReceiptsStore
from idc_gateway.messages.leadership import Leadership
from idc_gateway.results.folder_results_store import FolderResultsStore
from idc_gateway.results.retention import Retention

logger = logging.getLogger(__name__)

EVERY_S: Final = 600.0


class Housekeeping:
    """The background task for it, on one gateway of each database."""

    def __init__(
        self,
        receipts: ReceiptsStore,
        leadership: Leadership,
        retention: Retention | None,
        folder_results: FolderResultsStore,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._receipts = receipts
        self._leadership = leadership
        self._retention = retention
        self._folder_results = folder_results
        self._clock = clock

    async def run(self) -> None:
        while True:
            try:
                await executors.background(self.remove_due)
            except StoreUnavailable as exc:
                logger.error("old data could not be removed: %s", exc)  # noqa: TRY400 - one line; it repeats
            await asyncio.sleep(EVERY_S)

    def remove_due(self) -> None:
        """Remove all that is due. Blocks."""
        if not self._leadership.hold():
            return
        self._receipts.forget(self._clock() - KEEP_RECEIPTS)
        if self._retention is not None and (count := self._retention.remove_due()):
            logger.info("removed images", extra={"count": count})
        for folder in self._folder_results.without_folder():
            logger.info("removed results of a deleted folder", extra={"count": self._remove_results(folder)})

    def _remove_results(self, folder: UUID) -> int:
        """Delete all results of a folder that is gone; returns how many."""
        return sum(iter(lambda: self._folder_results.delete(folder, "gateway", None, self._clock()), 0))
