"""One blocking check shared by concurrent requests, none of which waits for a check that hangs."""

import asyncio
from collections.abc import Callable

from idc_gateway import executors


class SharedCheck:
    """Whether something works; the check runs in a thread, one at a time."""

    def __init__(
        self, check: Callable[[], None], *, timeout_s: float, threads: executors.Executor = executors.health
    ) -> None:
        """Share a check.

        Args:
            check: Blocks; raises OSError where it fails.
            timeout_s: Longest wait for it; a check that hangs is not started again before it ends.
            threads: Its threads; a check that hangs delays no other kind of check.
        """
        self._check = check
        self._timeout_s = timeout_s
        self._threads = threads
        self._running: asyncio.Task[str] | None = None

    async def result(self) -> str:
        """`ok`, or what is wrong."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name="check")
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(self._running)
        except TimeoutError:
            return f"failed: no answer within {self._timeout_s:g} s"

    async def _run(self) -> str:
        try:
            await self._threads(self._check)
        except OSError as exc:
            return f"failed: {exc}"
        return "ok"
