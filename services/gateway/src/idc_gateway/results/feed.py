"""New results, as they are stored, for those who watch."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from idc_gateway import executors
from idc_gateway.errors import Busy
from idc_gateway.results.positions import Look, Position
from idc_gateway.results.results_store import ResultsStore

BATCH: Final = 100
LOOK_EVERY_S: Final = 1.0
"""ResultsStore that another gateway stored are seen after so long; this gateway's own at once."""
KEEP_ALIVE_EVERY: Final = 15
"""After so many looks without a result a sign of life goes out."""
MAX_WATCHERS: Final = 64


class Feed:
    """Wakes those who watch."""

    def __init__(self, results: ResultsStore) -> None:
        self._results = results
        self._stored = asyncio.Condition()
        self._watchers = 0

    async def tell(self) -> None:
        """Say that results were stored."""
        async with self._stored:
            self._stored.notify_all()

    async def follow(self, after: Position | None) -> AsyncGenerator[Look, None]:
        """ResultsStore, oldest first, without an end; a look without results is a sign of life.

        Args:
            after: The last position that is known; None begins with what comes next.

        Raises:
            Busy: Too many watch already.
            StoreUnavailable: The database does not work.
        """
        if self._watchers >= MAX_WATCHERS:
            raise Busy(f"{self._watchers} clients watch already: close one")
        self._watchers += 1
        try:
            quiet, position = 0, after
            while True:
                look = await executors.feed(self._results.since, position, BATCH)
                if look.results or not look.is_complete or quiet % KEEP_ALIVE_EVERY == 0:
                    yield look
                quiet = 0 if look.results else quiet + 1
                position = look.position
                if len(look.results) < BATCH:
                    await self._wait()
        finally:
            self._watchers -= 1

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S), self._stored:
                await self._stored.wait()
        except TimeoutError:
            return
