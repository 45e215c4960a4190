"""Reads HTTP bodies so that one cannot be too large, and all of them together cannot fill the memory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Final

from idc_servicekit.memory_budget import BodiesExhausted, Lease, MemoryBudget

__all__ = ["SLOWEST_BYTES_PER_S", "BodiesExhausted", "BodyBudget", "BodyTooLarge", "BodyTooSlow", "Lease"]

SLOWEST_BYTES_PER_S: Final = 4096
"""A long body may take longer than a short one, but no longer than at this rate."""


class BodyTooLarge(ValueError):
    """One body is longer than a body may be."""


class BodyTooSlow(TimeoutError):
    """One body did not arrive in time."""


class BodyBudget:
    """The memory that request bodies may take."""

    def __init__(
        self, *, max_body_bytes: int, max_total_bytes: int, timeout_s: float, overdraft_bytes: int = 0
    ) -> None:
        """Set the bounds.

        Args:
            max_body_bytes: Of one body.
            max_total_bytes: Of all bodies that are held at one time.
            timeout_s: How long one body may take to arrive: a client that went silent must not hold memory for good.
            overdraft_bytes: How far one body may go beyond the total, where all of them wait for each other.
        """
        self.max_body_bytes = max_body_bytes
        self._memory = MemoryBudget(max_total_bytes, overdraft_bytes=overdraft_bytes)
        self._timeout_s = timeout_s

    def lease(self) -> AbstractContextManager[Lease]:
        """A share of the memory that is given back at the block's end, whatever happens."""
        return self._memory.lease()

    @asynccontextmanager
    async def read(
        self, announced_length: str | None, pieces: AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """Hold one whole body in memory while the block runs.

        Args:
            announced_length: The value of `Content-Length`, if there is one; used to refuse early, never trusted.
            pieces: The body as it arrives.
            max_bytes: A tighter bound than the budget's own.

        Raises:
            BodyTooLarge: The body is longer than it may be, as announced or as it arrives.
            BodyTooSlow: It did not arrive in time.
            BodiesExhausted: Other bodies hold the memory; a later try may succeed.
        """
        body = bytearray()
        with self.lease() as lease:
            async for piece in self.pieces(announced_length, pieces, max_bytes=max_bytes):
                lease.take(len(piece))
                body += piece
            whole = bytes(body)
            body.clear()  # only one body at a time is there twice
            yield whole

    async def pieces(
        self, announced_length: str | None, pieces: AsyncIterator[bytes], *, max_bytes: int | None = None
    ) -> AsyncIterator[bytes]:
        """Hand a body on as it arrives, bounded in size and time; the time that its reader takes does not count.

        Raises:
            BodyTooLarge: See `read`.
            BodyTooSlow: See `read`.
        """
        limit = min(max_bytes or self.max_body_bytes, self.max_body_bytes)
        if announced_length and announced_length.isdecimal() and int(announced_length[:20]) > limit:
            raise _too_large(limit)
        received_bytes, waited_s = 0, 0.0
        while True:
            allowed_s = self._timeout_s + received_bytes / SLOWEST_BYTES_PER_S - waited_s
            started = time.monotonic()
            try:
                async with asyncio.timeout(min(max(allowed_s, 0.0), self._timeout_s)):
                    piece = await anext(pieces, None)
            except TimeoutError as exc:
                raise BodyTooSlow(
                    f"the body did not arrive in time: no piece may take {self._timeout_s:g} s, nor may the whole be "
                    f"slower than {SLOWEST_BYTES_PER_S} bytes a second"
                ) from exc
            waited_s += time.monotonic() - started
            if piece is None:
                return
            received_bytes += len(piece)
            if received_bytes > limit:
                raise _too_large(limit)
            yield piece


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body has more than {limit} bytes, the most that is read here: send less in one request")
