"""Whether the database works, told in time even where it hangs."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from idc_gateway import executors
from idc_gateway.errors import GatewayError

TIMEOUT_S: Final = 5.0
FRESH_S: Final = 1.0
"""So long a finding is told again: readiness is asked without a key."""


class StoreHealth:
    """Looks at the database, once at a time, for all who ask."""

    def __init__(self, check: Callable[[], None], *, timeout_s: float = TIMEOUT_S, fresh_s: float = FRESH_S) -> None:
        self._check = check
        self._timeout_s = timeout_s
        self._fresh_s = fresh_s
        self._looking: asyncio.Task[str] | None = None
        self._begun_at = self._found_at = 0.0

    async def finding(self) -> str:
        """`ok`, or what is wrong."""
        now = time.monotonic()
        if self._looking is None or (self._looking.done() and now - self._found_at > self._fresh_s):
            self._begun_at = now
            self._looking = asyncio.create_task(self._look(), name="store health")
        left_s = self._begun_at + self._timeout_s - now
        try:
            async with asyncio.timeout(max(left_s, 0)):
                return await asyncio.shield(self._looking)
        except TimeoutError:
            return f"failed: the database has not answered for {time.monotonic() - self._begun_at:.0f} s"

    async def _look(self) -> str:
        try:
            await executors.health(self._check)
        except GatewayError as exc:
            return f"failed: {exc}"
        finally:
            self._found_at = time.monotonic()
        return "ok"
