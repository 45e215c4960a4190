"""New results as they are stored, for clients that follow them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from idc_gateway import executors
from idc_gateway.errors import Busy
from idc_gateway.results.positions import Position, Slice
from idc_gateway.results.results_store import ResultsStore

BATCH: Final = 100
POLL_EVERY_S: Final = 1.0
"""Results of another gateway are seen within this time; this gateway's own at once."""
KEEP_ALIVE_EVERY: Final = 15
"""After this many empty slices one is sent as a keep-alive."""
MAX_WATCHERS: Final = 64


class Feed:
    """Reads new results for each client that follows them."""

    def __init__(self, results: ResultsStore) -> None:
        self._results = results
        self._stored = asyncio.Condition()
        self._watchers = 0

    async def notify(self) -> None:
        async with self._stored:
            self._stored.notify_all()

    async def follow(self, after: Position | None) -> AsyncGenerator[Slice, None]:
        """Results, oldest first, without an end; a slice without results is a keep-alive.

        `after` is the last position that is known; None starts with the next result. Raises Busy where too many clients
        follow, and StoreUnavailable.
        """
        if self._watchers >= MAX_WATCHERS:
            raise Busy(f"{self._watchers} clients already follow new results: close one")
        self._watchers += 1
        try:
            quiet, position = 0, after
            while True:
                part = await executors.feed(self._results.since, position, BATCH)
                if part.results or not part.is_complete or quiet % KEEP_ALIVE_EVERY == 0:
                    yield part
                quiet = 0 if part.results else quiet + 1
                position = part.position
                if len(part.results) < BATCH:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(POLL_EVERY_S), self._stored:
                            await self._stored.wait()
        finally:
            self._watchers -= 1
