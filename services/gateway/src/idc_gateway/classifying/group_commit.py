"""Writes down what concurrent requests bring in common transactions: one commit to the disk serves them all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from idc_gateway import executors
from idc_gateway.classifying.result_writer import Entry, ResultWriter
from idc_gateway.errors import AlreadyDone, Busy, GatewayError, StoreUnavailable
from idc_gateway.messages.outbox_store import Numbered
from idc_gateway.results.classifications import Classification

MAX_ENTRIES: Final = 64
"""In one transaction; readers and other writers wait no longer than these take."""

MAX_WAITING: Final = 256
"""Each holds its images; where the database hangs their callers may be gone."""
TIMEOUT_S: Final = 30.0


class GroupCommit:
    """Collects entries while a transaction is under way; the next transaction takes them all."""

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
            on_stored: Called for each result that was stored, though nobody waits for it any more.
            timeout_s: Longest wait for an entry's transaction, those before it included.
        """
        self._writer = writer
        self._on_written = on_written
        self._on_stored = on_stored
        self._timeout_s = timeout_s
        self._waiting: list[tuple[Entry, asyncio.Future[bool]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Store an entry: its images first, apart from those of others, then the rest.

        The rest is stored even where the caller goes away meanwhile.

        Raises:
            AlreadyDone: Its claim was fulfilled by another request; nothing was stored.
            StoreUnavailable: Nothing was stored, or its text says that it may yet be.
            Busy: So many entries wait that no more may.
            ImagesUnavailable: Nothing was stored.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Busy(f"{len(self._waiting)} results wait to be stored: try again in a second")
        entry = await executors.images(self._writer.put_images, entry)
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all(), name="group commit")
        try:
            async with asyncio.timeout(self._timeout_s):
                is_stored = await written
        except TimeoutError as exc:
            raise StoreUnavailable(self._given_up(entry)) from exc
        if not is_stored:
            raise AlreadyDone("another request with this Idempotency-Key was faster")

    def _given_up(self, entry: Entry) -> str:
        """Take an entry out of the line, if it is still there; gives what to tell."""
        left = [waiting for waiting in self._waiting if waiting[0] is not entry]
        if len(left) == len(self._waiting):
            return executors.WRITE_LATE.format(self._timeout_s)
        self._waiting = left
        return f"the database is busy for {self._timeout_s:g} s, and nothing was stored: look at its disk or server"

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MAX_ENTRIES], self._waiting[MAX_ENTRIES:]
            messages: Sequence[Numbered] = ()
            try:
                stored = await executors.writes(self._writer.write, [entry for entry, _ in group])
            except Exception as exc:  # noqa: BLE001 - it belongs to those who wait for it
                _fail(group, exc)
            else:
                messages = stored.messages
                for (entry, written), is_stored in zip(group, stored.fresh, strict=True):
                    for result in entry.results if is_stored else ():
                        self._on_stored(result)
                    if not written.done():
                        written.set_result(is_stored)
            finally:
                self._on_written(messages)


def _fail(group: list[tuple[Entry, asyncio.Future[bool]]], error: Exception) -> None:
    for _, written in group:
        if not written.done():
            # Each gets an error of its own: one traceback must not grow with those who wait.
            written.set_exception(type(error)(*error.args) if isinstance(error, GatewayError) else error)
