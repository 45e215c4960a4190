"""Threads that read requests and decode images; new ones take over where all of them hang."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

logger = logging.getLogger(__name__)

HANG_S: Final = 8.0
"""A piece of a request is small: whatever takes longer does not come back."""

Result = TypeVar("Result")


class ReadingThreads:
    """A bounded pool; used from the event loop."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = self._new_pool()
        self._began: dict[object, float] = {}
        """When each piece of work that runs began, on `time.monotonic`'s clock."""

    async def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Run `work` in one of the threads."""
        if self._hangs():
            logger.error("all %d threads that read requests hang: new ones take over", self._threads)
            self._began, self._pool = {}, self._new_pool()
        began, ticket = self._began, object()

        def timed() -> Result:
            began[ticket] = time.monotonic()
            try:
                return work(*arguments)
            finally:
                del began[ticket]

        return await asyncio.get_running_loop().run_in_executor(self._pool, timed)

    def close(self) -> None:
        """Take nothing more; what runs is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _hangs(self) -> bool:
        begun_before_s = time.monotonic() - HANG_S
        return sum(begin_s < begun_before_s for begin_s in list(self._began.values())) >= self._threads

    def _new_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="decode")
