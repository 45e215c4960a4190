"""Reads HTTP bodies so that one cannot be too large, and all of them together cannot fill the memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BodyTooLarge(ValueError):
    """One body is longer than a body may be."""


class BodyTooSlow(TimeoutError):
    """One body did not arrive in time."""


class BodiesExhausted(RuntimeError):
    """The bodies in progress together hold as many bytes as they may."""


class BodyBudget:
    """The memory that request bodies may take."""

    def __init__(self, *, max_body_bytes: int, max_total_bytes: int, timeout_s: float) -> None:
        """Set the bounds.

        Args:
            max_body_bytes: Of one body.
            max_total_bytes: Of all bodies that are in progress at one time.
            timeout_s: How long one body may take to arrive: a client that went silent must not hold memory for ever.
        """
        self.max_body_bytes = max_body_bytes
        self._free_bytes = max_total_bytes
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def read(self, announced_length: str | None, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Hold one whole body in memory while the block runs.

        Args:
            announced_length: The value of `Content-Length`, if there is one; used to refuse early, never trusted.
            pieces: The body as it arrives.

        Raises:
            BodyTooLarge: The body is longer than `max_body_bytes`, as announced or as it arrives.
            BodyTooSlow: It did not arrive within `timeout_s`.
            BodiesExhausted: Other bodies hold the memory; a later try may succeed.
        """
        if announced_length and announced_length.isdecimal() and int(announced_length[:20]) > self.max_body_bytes:
            raise self._too_large()
        body, held_bytes = bytearray(), 0
        try:
            async with self._in_time():
                async for piece in pieces:
                    if len(body) + len(piece) > self.max_body_bytes:
                        raise self._too_large()
                    if len(piece) > self._free_bytes:
                        raise BodiesExhausted("other requests hold all the memory for uploads: try again in a second")
                    self._free_bytes -= len(piece)
                    held_bytes += len(piece)
                    body += piece
            whole = bytes(body)
            body.clear()  # only one body at a time is there twice
            yield whole
        finally:
            self._free_bytes += held_bytes

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except TimeoutError as exc:
            raise BodyTooSlow(
                f"the body did not arrive within {self._timeout_s} s: send it faster or in parts"
            ) from exc

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the body is larger than {self.max_body_bytes} bytes: send fewer or smaller images at once"
        )
