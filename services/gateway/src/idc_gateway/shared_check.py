"""One blocking check for all who ask at the same time, and no waiting for one that hangs."""

import asyncio
from collections.abc import Callable

from idc_gateway import executors


class SharedCheck:
    """Whether something works; the check runs in a thread, once at a time."""

    def __init__(
        self, check: Callable[[], None], *, timeout_s: float, threads: executors.Executor = executors.health
    ) -> None:
        """Make it.

        Args:
            check: Blocks; raises OSError where it does not work.
            timeout_s: Longest wait for it; one that hangs is not begun again before it ends.
            threads: Where it runs; a check that hangs keeps no other thing's check waiting.
        """
        self._check = check
        self._timeout_s = timeout_s
        self._threads = threads
        self._running: asyncio.Task[str] | None = None

    async def finding(self) -> str:
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
