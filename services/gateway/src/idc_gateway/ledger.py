"""Writes down what concurrent requests bring in common transactions: one commit to the disk serves them all."""

import asyncio
from collections.abc import Callable
from typing import Final

from idc_gateway import executors
from idc_gateway.deeds import Deeds, Entry
from idc_gateway.errors import AlreadyDone, GatewayError

MAX_ENTRIES: Final = 64
"""In one transaction; readers and other writers wait no longer than these take."""


class Ledger:
    """Collects entries while a transaction is under way; the next transaction takes them all."""

    def __init__(self, deeds: Deeds, on_written: Callable[[], None]) -> None:
        """Make the ledger.

        Args:
            deeds: Writes.
            on_written: Called after each transaction, whether or not it succeeded.
        """
        self._deeds = deeds
        self._on_written = on_written
        self._waiting: list[tuple[Entry, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Store an entry: its images first, apart from those of others, then the rest.

        The rest is stored even where the caller goes away meanwhile.

        Raises:
            AlreadyDone: Its claim was fulfilled by another request; nothing was stored.
            StoreUnavailable: Nothing was stored.
            ImagesUnavailable: Nothing was stored.
        """
        entry = await executors.images(self._deeds.put_images, entry)
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="ledger")
        if not await written:
            raise AlreadyDone("another request with this Idempotency-Key was faster")

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MAX_ENTRIES], self._waiting[MAX_ENTRIES:]
            try:
                stored = await executors.writes(self._deeds.write, [entry for entry, _ in group])
            except Exception as exc:  # noqa: BLE001 - it belongs to those who wait for it
                _fail(group, exc)
            else:
                for (_, written), is_stored in zip(group, stored, strict=True):
                    if not written.done():
                        written.set_result(is_stored)
            finally:
                self._on_written()


def _fail(group: list[tuple[Entry, asyncio.Future[bool]]], error: Exception) -> None:
    for _, written in group:
        if not written.done():
            # Each gets an error of its own: one traceback must not grow with those who wait.
            written.set_exception(type(error)(*error.args) if isinstance(error, GatewayError) else error)
