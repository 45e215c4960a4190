"""Deletes the objects of removed images in the background."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from idc_gateway import executors
from idc_gateway.errors import ImagesUnavailable, StoreUnavailable
from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.images import ImageStore

logger = logging.getLogger(__name__)

BATCH: Final = 100
EVERY_S: Final = 30.0
SOON_S: Final = 2.0
"""Longest wait of a request that deletes a result; the deletion continues without it."""


class ImageDeletions:
    """The background task for it. Deleting an object twice is harmless: several gateways may run it at once."""

    def __init__(
        self,
        index: ImageIndexStore,
        images: ImageStore | None,
        abandon_unsettled: Callable[[], None],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._index = index
        self._images = images
        self._abandon_unsettled = abandon_unsettled
        self._every_s = every_s
        self._woken = asyncio.Event()
        self._run_ended = asyncio.Condition()
        self._begun = self._ended = 0
        """Number of runs."""

    async def run_soon(self) -> None:
        """Delete what is due now, and wait a short time for it."""
        if self._images is None:
            return
        next_run = self._begun + 1
        self._woken.set()
        try:
            async with asyncio.timeout(SOON_S), self._run_ended:
                await self._run_ended.wait_for(lambda: self._ended >= next_run)
        except TimeoutError:
            logger.info("the image store is slow to delete: the deletion continues in the background")

    async def run(self) -> None:
        """Delete what is due, until cancelled."""
        while self._images is not None:
            self._woken.clear()
            self._begun += 1
            try:
                await executors.deletions(self.delete_due)
            except (StoreUnavailable, ImagesUnavailable) as exc:
                logger.error("images are not deleted yet: %s", exc)  # noqa: TRY400 - one line; it repeats
            async with self._run_ended:
                self._ended = self._begun
                self._run_ended.notify_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s):
                    await self._woken.wait()

    def delete_due(self, for_s: float = 60.0) -> int:
        """Delete objects for at most `for_s` seconds and return how many. Blocks.

        Raises StoreUnavailable or ImagesUnavailable; what is still stored then stays due.
        """
        self._abandon_unsettled()
        count, end = 0, time.monotonic() + for_s
        while time.monotonic() < end and (names := self._index.due_deletions(BATCH)):
            count += self._delete(names, end)
        return count

    def _delete(self, names: list[str], end: float) -> int:
        assert self._images is not None  # noqa: S101 - nothing is due where no images are stored
        deleted: list[str] = []
        try:
            for name in names:
                self._images.delete(name)
                deleted.append(name)
                if time.monotonic() >= end:
                    break
        finally:
            if deleted:
                self._index.deleted(deleted)
        return len(deleted)
