"""The memory that all uploads share, and the line of those that wait for it."""

import asyncio
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

STALL_S: Final = 0.5
"""When nothing was released for this long, the first in line continues anyway: the requests that hold the memory
may all be waiting for more of it."""


class BodiesExhausted(RuntimeError):
    """The bodies in progress hold all the memory."""


class Lease:
    """One request's share of the memory."""

    def __init__(self, budget: "MemoryBudget", number: int) -> None:
        self.number = number
        """Grows with each request."""
        self._budget = budget
        self._held_bytes = 0
        self._is_over = False

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    def take(self, size_bytes: int) -> None:
        """Reserve more memory.

        Raises:
            BodiesExhausted: Other bodies hold the memory; retry later.
        """
        self._check_runs()
        self._budget.take(size_bytes)
        self._held_bytes += size_bytes

    async def take_when_free(self, size_bytes: int, timeout_s: float) -> None:
        """Reserve more memory as soon as there is room; older requests come first.

        Raises:
            BodiesExhausted: There was no room in time.
        """
        self._check_runs()
        await self._budget.take_when_free(self, size_bytes, timeout_s)
        self._held_bytes += size_bytes
        if self._is_over:  # the request ended while this part of it waited
            self.end()

    def give_back(self, size_bytes: int) -> None:
        size_bytes = min(size_bytes, self._held_bytes)
        self._held_bytes -= size_bytes
        self._budget.give_back(size_bytes)

    def end(self) -> None:
        """Release everything and reserve nothing more."""
        self._is_over = True
        self.give_back(self._held_bytes)

    def _check_runs(self) -> None:
        if self._is_over:
            raise BodiesExhausted("the request has ended: its body is no longer read")


@dataclass(frozen=True)
class _Waiting:
    lease: Lease
    size_bytes: int
    served: asyncio.Future[None]


class MemoryBudget:
    """Bytes that are taken and given back.

    Requests that each hold a part and wait for more could wait for each other until all of them time out. So memory
    that is released goes to the oldest waiting request. If none is released, the oldest may exceed the total by up to
    `overdraft_bytes`: enough to finish its read and release the memory.
    """

    def __init__(self, total_bytes: int, *, overdraft_bytes: int = 0) -> None:
        self._free_bytes = total_bytes
        self._overdraft_bytes = overdraft_bytes
        self._numbers = count()
        self._line: list[_Waiting] = []
        """In the order in which their requests began."""
        self._express: Lease | None = None
        """The request that may exceed the total."""
        self._stall: asyncio.TimerHandle | None = None

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """A share that is given back at the end of the block."""
        lease = Lease(self, next(self._numbers))
        try:
            yield lease
        finally:
            lease.end()
            if self._express is lease:
                self._express = None

    def take(self, size_bytes: int) -> None:
        """Take memory for a lease, which releases it.

        Raises:
            BodiesExhausted: There is not enough left.
        """
        if size_bytes > self._free_bytes:
            raise BodiesExhausted("other requests hold all the memory for uploads: try again in a second")
        self._free_bytes -= size_bytes

    async def take_when_free(self, lease: Lease, size_bytes: int, timeout_s: float) -> None:
        """Take memory for a lease as soon as there is room.

        Raises:
            BodiesExhausted: There was no room in time.
        """
        if size_bytes <= self._free_bytes or self._may_overdraw(lease, size_bytes):
            self._free_bytes -= size_bytes
            return
        waiting = _Waiting(lease, size_bytes, asyncio.get_running_loop().create_future())
        insort(self._line, waiting, key=lambda other: other.lease.number)
        self._watch_for_a_stall()
        try:
            async with asyncio.timeout(timeout_s):
                await waiting.served
        except BaseException as exc:
            self._leave(waiting)
            if isinstance(exc, TimeoutError):
                text = f"other requests held all the memory for uploads for {timeout_s:g} s: try again in a minute"
                raise BodiesExhausted(text) from exc
            raise

    def give_back(self, size_bytes: int) -> None:
        """Give memory back, to the oldest that waits for it."""
        if not size_bytes:
            return
        self._free_bytes += size_bytes
        self._serve()
        self._watch_for_a_stall()

    def _serve(self) -> None:
        while (waiting := self._next()) is not None:
            self._line.remove(waiting)
            self._grant(waiting)

    def _next(self) -> _Waiting | None:
        for waiting in self._line:
            if waiting.served.done() or self._may_overdraw(waiting.lease, waiting.size_bytes):
                return waiting
        return self._line[0] if self._line and self._line[0].size_bytes <= self._free_bytes else None

    def _grant(self, waiting: _Waiting) -> None:
        if not waiting.served.done():  # its request may have been cancelled a moment ago
            self._free_bytes -= waiting.size_bytes
            waiting.served.set_result(None)

    def _leave(self, waiting: _Waiting) -> None:
        if waiting in self._line:
            self._line.remove(waiting)
            self._serve()
            self._watch_for_a_stall()
        elif waiting.served.done() and not waiting.served.cancelled():
            self.give_back(waiting.size_bytes)

    def _may_overdraw(self, lease: Lease, size_bytes: int) -> bool:
        return self._express is lease and self._free_bytes - size_bytes >= -self._overdraft_bytes

    def _watch_for_a_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        if self._line:
            self._stall = asyncio.get_running_loop().call_later(STALL_S, self._break_the_stall)

    def _break_the_stall(self) -> None:
        self._stall = None
        if self._line and (self._express is None or self._free_bytes >= 0):
            self._express = self._line[0].lease
            self._serve()
        self._watch_for_a_stall()
