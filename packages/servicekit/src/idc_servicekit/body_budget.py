"""Reads HTTP bodies within bounds of size, time and total memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Final

from idc_servicekit.memory_budget import BodiesExhausted, Lease, MemoryBudget

__all__ = ["SLOWEST_BYTES_PER_S", "BodiesExhausted", "BodyBudget", "BodyTooLarge", "BodyTooSlow", "Lease"]

SLOWEST_BYTES_PER_S: Final = 4096
"""A body may take longer the longer it is, but must not arrive more slowly than this."""


class BodyTooLarge(ValueError):
    """A body is too long."""


class BodyTooSlow(TimeoutError):
    """A body did not arrive in time."""


class BodyBudget:
    """The memory for request bodies."""

    def __init__(
        self, *, max_body_bytes: int, max_total_bytes: int, timeout_s: float, overdraft_bytes: int = 0
    ) -> None:
        """Set the bounds.

        Args:
            max_body_bytes: Largest body.
            max_total_bytes: Largest total of the bodies held at one time.
            timeout_s: Time limit for each piece: a silent client must not keep memory.
            overdraft_bytes: How far one body may exceed the total where all of them wait for each other.
        """
        self.max_body_bytes = max_body_bytes
        self._memory = MemoryBudget(max_total_bytes, overdraft_bytes=overdraft_bytes)
        self._timeout_s = timeout_s

    def lease(self) -> AbstractContextManager[Lease]:
        """A share of the memory that is released at the end of the block."""
        return self._memory.lease()

    @asynccontextmanager
    async def read(
        self, announced_length: str | None, pieces: AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """Hold one whole body in memory while the block runs.

        Args:
            announced_length: The value of `Content-Length`; used to reject early, never trusted.
            pieces: The body as it arrives.
            max_bytes: A tighter bound than the budget's own.

        Raises:
            BodyTooLarge: The body is too long, as announced or as it arrives.
            BodyTooSlow: It did not arrive in time.
            BodiesExhausted: Other bodies hold the memory; retry later.
        """
        limit = self._limit(announced_length, max_bytes)
        with self.lease() as lease:
            try:
                # One deadline for all pieces: `pieces` would make one for each.
                async with asyncio.timeout(self._timeout_s) as deadline:
                    whole = await self._whole(pieces, lease, limit, deadline)
            except TimeoutError as exc:
                raise self._too_slow() from exc
            yield whole

    async def _whole(self, pieces: AsyncIterator[bytes], lease: Lease, limit: int, deadline: asyncio.Timeout) -> bytes:
        loop = asyncio.get_running_loop()
        latest_s = loop.time() + self._timeout_s
        body = bytearray()
        async for piece in pieces:
            if len(body) + len(piece) > limit:
                raise _too_large(limit)
            lease.take(len(piece))
            body += piece
            if piece:
                latest_s += len(piece) / SLOWEST_BYTES_PER_S
                deadline.reschedule(min(loop.time() + self._timeout_s, latest_s))
        return bytes(body)

    async def pieces(
        self, announced_length: str | None, pieces: AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield a body as it arrives, bounded in size and time; the time that its reader takes does not count.

        Raises:
            BodyTooLarge: See `read`.
            BodyTooSlow: See `read`.
        """
        limit = self._limit(announced_length, max_bytes)
        received_bytes, waited_s = 0, 0.0
        while True:
            allowed_s = self._timeout_s + received_bytes / SLOWEST_BYTES_PER_S - waited_s
            started = time.monotonic()
            try:
                async with asyncio.timeout(min(max(allowed_s, 0.0), self._timeout_s)):
                    piece = await anext(pieces, None)
            except TimeoutError as exc:
                raise self._too_slow() from exc
            waited_s += time.monotonic() - started
            if piece is None:
                return
            received_bytes += len(piece)
            if received_bytes > limit:
                raise _too_large(limit)
            yield piece

    def _limit(self, announced_length: str | None, max_bytes: int | None) -> int:
        limit = min(max_bytes or self.max_body_bytes, self.max_body_bytes)
        if announced_length and announced_length.isdecimal() and int(announced_length[:20]) > limit:
            raise _too_large(limit)
        return limit

    def _too_slow(self) -> BodyTooSlow:
        return BodyTooSlow(
            f"the body did not arrive in time: no piece may take {self._timeout_s:g} s, and the "
            f"whole must not be slower than {SLOWEST_BYTES_PER_S} bytes per second"
        )


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body has more than {limit} bytes, the limit here: send less in one request")
