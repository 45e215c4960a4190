"""Requests in progress: each ends soon after what let it in has ended, whatever it does at that moment.

A key can be revoked, a session ended, a user removed or given another role while an answer goes out: a stream of
events, a long form, an export. One task looks again at everything that runs; routes have nothing to do for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from idc_gateway.access.accounts import Caller
from idc_gateway.errors import Busy, Forbidden, GatewayError, StoreUnavailable, Unauthenticated

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 4.0
"""A request that is younger than this was let in a moment ago and is not looked at: each ends within twice as long."""
STREAMS_OF_CALLER: Final = 16
"""A key that several screens share needs some; one caller must not take all that there are."""

Identify = Callable[[Caller], Awaitable[Caller]]
"""Who has the caller's key or session now; raises Unauthenticated where it is over."""


@dataclass(eq=False)
class RunningRequest:
    """One request in progress."""

    deadline: asyncio.Timeout
    begun_s: float
    caller: Caller | None = None
    is_stream: bool = False
    ended_by: GatewayError | None = None
    """Why the request is ended before its time."""
    at_end: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Called when the request is over, however it ended."""

    def end(self, reason: GatewayError) -> None:
        """Cancel what the request does."""
        if self.ended_by is None:
            self.ended_by = reason
            self.deadline.reschedule(asyncio.get_running_loop().time())


class RunningRequests:
    """All requests in progress, and the task that ends them."""

    def __init__(self, identify: Identify, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._identify = identify
        self._look_every_s = look_every_s
        self._all: set[RunningRequest] = set()

    @contextmanager
    def one(self, deadline: asyncio.Timeout) -> Iterator[RunningRequest]:
        """Count a request in while the block runs."""
        running = RunningRequest(deadline, time.monotonic())
        self._all.add(running)
        try:
            yield running
        finally:
            self._all.discard(running)

    def begin_stream(self, running: RunningRequest) -> None:
        """Mark a request as one that goes on until its client leaves.

        Raises:
            Busy: Its caller has as many of them as a caller may.
        """
        caller = running.caller.name if running.caller else ""
        others = sum(1 for one in self._of(caller) if one.is_stream)
        if others >= STREAMS_OF_CALLER:
            raise Busy(f"{caller!r} follows {others} streams already: close one")
        running.is_stream = True

    def admit(self, running: RunningRequest, caller: Caller, *, at_once: int) -> None:
        """Let a request of a caller without a key go on.

        Raises:
            Busy: So many of this caller's requests are in progress.
        """
        if sum(1 for _ in self._of(caller.name)) >= at_once:
            raise Busy(f"{caller.name!r} has {at_once} requests in progress: wait for one to end")
        running.caller = caller

    def _of(self, caller: str) -> Iterator[RunningRequest]:
        return (one for one in self._all if one.caller is not None and one.caller.name == caller)

    async def run(self) -> None:
        """Look at what runs, again and again."""
        while True:
            await asyncio.sleep(self._look_every_s)
            await self.end_what_is_over(older_than_s=self._look_every_s)

    async def end_what_is_over(self, *, older_than_s: float = 0.0) -> None:
        """End each request whose key or session is over, or may no longer do all that it could when it was let in.

        Where the database does not answer, nothing is known to be over: nobody can revoke anything through it either.
        """
        old_s = time.monotonic() - older_than_s
        callers: dict[Caller, list[RunningRequest]] = {}
        for running in self._all:
            if running.caller and running.caller.sha256 and running.begun_s <= old_s:
                callers.setdefault(running.caller, []).append(running)
        await asyncio.gather(*(self._end_if_over(caller, requests) for caller, requests in callers.items()))

    async def _end_if_over(self, caller: Caller, requests: list[RunningRequest]) -> None:
        if (reason := await self._over(caller)) is not None:
            logger.info("%d requests of %r end before their time: %s", len(requests), caller.name, reason)
            for running in requests:
                running.end(reason)

    async def _over(self, caller: Caller) -> GatewayError | None:
        try:
            now = await self._identify(caller)
        except Unauthenticated as exc:
            return exc
        except (StoreUnavailable, Busy) as exc:
            logger.warning("whether requests in progress may go on is not known: %s", exc)
            return None
        if caller.scopes <= now.scopes:
            return None
        return Forbidden(f"{caller.name!r} may do less than when this request began: send it again")
