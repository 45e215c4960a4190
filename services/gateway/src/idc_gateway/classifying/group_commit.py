"""Writes down what concurrent requests bring in common transactions: one commit to the disk serves them all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from idc_gateway import executors
from idc_gateway.classifying.check_image import CheckedImage
from idc_gateway.classifying.result_writer import Entry, ObjectNames, ResultWriter
from idc_gateway.errors import AlreadyDone, Busy, ImagesUnavailable, StoreUnavailable
from idc_gateway.grouping import Grouping
from idc_gateway.messages.outbox_store import Numbered
from idc_gateway.results.classifications import Classification

MAX_ENTRIES: Final = 64
"""In one transaction; readers and other writers wait no longer than these take."""

MAX_WAITING: Final = 256
"""Each holds its images; where the database hangs their callers may be gone."""
TIMEOUT_S: Final = 30.0


class GroupCommit:
    """Stores entries: the images of several together first, then the rest of several together."""

    def __init__(
        self,
        writer: ResultWriter,
        on_written: Callable[[Sequence[Numbered]], None],
        on_stored: Callable[[Classification], None],
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Take what writes.

        Args:
            writer: Writes the entries.
            on_written: Called after each transaction with the messages that it stored; without any where it failed.
            on_stored: Called for each result that was stored, even if its caller has left.
            timeout_s: Longest wait for an entry's transaction, those before it included.
        """
        self._writer = writer
        self._on_written = on_written
        self._on_stored = on_stored
        self._timeout_s = timeout_s
        self._puts = Grouping(self._put, most=MAX_ENTRIES)
        self._writes = Grouping(self._write, most=MAX_ENTRIES)

    async def put(self, images: Sequence[CheckedImage]) -> ObjectNames:
        """Store a request's images, which nothing names yet.

        Raises:
            StoreUnavailable: It is not known which images are stored already.
            Busy: Too many entries wait.
            ImagesUnavailable: Some are not stored.
        """
        if self._writes.waiting >= MAX_WAITING:
            raise Busy(f"{self._writes.waiting} results wait to be stored: try again in a second")
        return await self._puts(images)

    async def write(self, entry: Entry) -> None:
        """Store an entry whose images are stored. It is stored even if the caller goes away meanwhile.

        Raises:
            AlreadyDone: Its claim was fulfilled by another request; nothing was stored.
            StoreUnavailable: Nothing was stored, unless its text says that it may still be.
            ImagesUnavailable: Nothing was stored.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                is_stored = await self._writes(entry)
        except TimeoutError as exc:
            if not self._writes.leave(entry):
                raise StoreUnavailable(executors.WRITE_LATE.format(self._timeout_s)) from exc
            raise StoreUnavailable(
                f"the database is busy for {self._timeout_s:g} s, and nothing was stored: check its disk or server"
            ) from exc
        if not is_stored:
            raise AlreadyDone("another request with this Idempotency-Key was faster")

    async def _put(self, requests: list[Sequence[CheckedImage]]) -> list[ObjectNames | ImagesUnavailable]:
        return await executors.images(self._writer.put_images, requests)

    async def _write(self, entries: list[Entry]) -> list[bool]:
        messages: Sequence[Numbered] = ()
        try:
            stored = await executors.writes(self._writer.write, entries)
            messages = stored.messages
        finally:
            self._on_written(messages)
        for entry, is_fresh in zip(entries, stored.fresh, strict=True):
            for result in entry.results if is_fresh else ():
                self._on_stored(result)
        return stored.fresh
