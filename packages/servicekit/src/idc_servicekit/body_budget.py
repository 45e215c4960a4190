"""Reads HTTP bodies so that one cannot be too large, and all of them together cannot fill the memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

SLOWEST_BYTES_PER_S: Final = 4096
"""A long body may take longer than a short one, but no longer than at this rate."""


_LOOK_EVERY_S: Final = 0.02


class BodyTooLarge(ValueError):
    """One body is longer than a body may be."""


class BodyTooSlow(TimeoutError):
    """One body did not arrive in time."""


class BodiesExhausted(RuntimeError):
    """The bodies in progress together hold as many bytes as they may."""


class Lease:
    """The share of the memory that one request holds."""

    def __init__(self, budget: "BodyBudget") -> None:
        self._budget = budget
        self._held_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold so much more.

        Raises:
            BodiesExhausted: Other bodies hold the memory; a later try may succeed.
        """
        self._budget.take(size_bytes)
        self._held_bytes += size_bytes

    async def take_when_free(self, size_bytes: int, timeout_s: float) -> None:
        """Hold so much more as soon as there is room.

        Raises:
            BodiesExhausted: There was none in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.take(size_bytes)
            except BodiesExhausted:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_LOOK_EVERY_S)
            else:
                return

    def give_back(self, size_bytes: int) -> None:
        """Hold so much less."""
        self._budget.give_back(size_bytes)
        self._held_bytes -= size_bytes

    def end(self) -> None:
        """Hold nothing."""
        self.give_back(self._held_bytes)


class BodyBudget:
    """The memory that request bodies may take."""

    def __init__(self, *, max_body_bytes: int, max_total_bytes: int, timeout_s: float) -> None:
        """Set the bounds.

        Args:
            max_body_bytes: Of one body.
            max_total_bytes: Of all bodies that are held at one time.
            timeout_s: How long one body may take to arrive: a client that went silent must not hold memory for ever.
        """
        self.max_body_bytes = max_body_bytes
        self._free_bytes = max_total_bytes
        self._timeout_s = timeout_s

    def take(self, size_bytes: int) -> None:
        """Hold memory; `lease` sees to it that it is given back.

        Raises:
            BodiesExhausted: There is not so much left.
        """
        if size_bytes > self._free_bytes:
            raise BodiesExhausted("other requests hold all the memory for uploads: try again in a second")
        self._free_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Hold less."""
        self._free_bytes += size_bytes

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """A share that is given back at the block's end, whatever happens."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            lease.end()

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
                    f"the body did not arrive in time: no piece may take {self._timeout_s} s, nor the whole be slower "
                    f"than {SLOWEST_BYTES_PER_S} bytes a second"
                ) from exc
            waited_s += time.monotonic() - started
            if piece is None:
                return
            received_bytes += len(piece)
            if received_bytes > limit:
                raise _too_large(limit)
            yield piece


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes: send fewer or smaller images at once")
