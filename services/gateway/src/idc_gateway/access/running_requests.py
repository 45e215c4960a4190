"""Requests in progress: each ends soon after its key or session does.

A key can be revoked, a session ended, a user removed or given another role while an answer goes out: a stream of
events, a long form, an export. One task checks all requests in progress; routes do nothing for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from idc_gateway import executors
from idc_gateway.access.accounts import Caller
from idc_gateway.errors import Busy, Forbidden, GatewayError, StoreUnavailable, Unauthenticated

logger = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 4.0
"""A request younger than this was just authenticated and is not checked: each ends within twice this time."""
STREAMS_PER_CALLER: Final = 16
"""A key that several screens share needs some; one caller must not take all that there are."""

Holder = Callable[[str], Caller]
"""Who has the key or session with this digest now; blocks, and raises Unauthenticated where it has ended."""


@dataclass(eq=False)
class RunningRequest:
    """One request in progress."""

    deadline: asyncio.Timeout
    begun_s: float
    caller: Caller | None = None
    is_stream: bool = False
    ended_by: GatewayError | None = None
    """Why the request is ended early."""
    at_end: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Called when the request is over, however it ended."""

    def end(self, reason: GatewayError) -> None:
        if self.ended_by is None:
            self.ended_by = reason
            self.deadline.reschedule(asyncio.get_running_loop().time())


class RunningRequests:
    """All requests in progress, and the task that ends them."""

    def __init__(self, key_holder: Holder, session_holder: Holder, *, check_every_s: float = CHECK_EVERY_S) -> None:
        self._key_holder = key_holder
        self._session_holder = session_holder
        self._check_every_s = check_every_s
        self._all: set[RunningRequest] = set()

    @contextmanager
    def one(self, deadline: asyncio.Timeout) -> Iterator[RunningRequest]:
        """Include a request while the block runs."""
        running = RunningRequest(deadline, time.monotonic())
        self._all.add(running)
        try:
            yield running
        finally:
            self._all.discard(running)

    def begin_stream(self, running: RunningRequest) -> None:
        """Mark a request that lasts until its client disconnects; raises Busy where its caller has too many."""
        caller = running.caller.name if running.caller else ""
        others = sum(one.is_stream for one in self._of(caller))
        if others >= STREAMS_PER_CALLER:
            raise Busy(f"{caller!r} already follows {others} streams: close one")
        running.is_stream = True

    def admit(self, running: RunningRequest, caller: Caller, *, at_once: int) -> None:
        """Admit a request of a caller without a key; raises Busy where `at_once` of its requests are in progress."""
        if len(self._of(caller.name)) >= at_once:
            raise Busy(f"{caller.name!r} has {at_once} requests in progress: wait for one to end")
        running.caller = caller

    def _of(self, caller: str) -> list[RunningRequest]:
        return [one for one in self._all if one.caller is not None and one.caller.name == caller]

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._check_every_s)
            await self.check(older_than_s=self._check_every_s)

    async def check(self, *, older_than_s: float = 0.0) -> None:
        """End each request whose key or session has ended, or lost a scope that it had at the start.

        Where the database does not answer, no request is ended: nothing can be revoked through it either.
        """
        latest_s = time.monotonic() - older_than_s
        callers: dict[Caller, list[RunningRequest]] = {}
        for running in self._all:
            if running.caller and running.caller.sha256 and running.begun_s <= latest_s:
                callers.setdefault(running.caller, []).append(running)
        await asyncio.gather(*(self._check(caller, requests) for caller, requests in callers.items()))

    async def _check(self, caller: Caller, requests: list[RunningRequest]) -> None:
        if (reason := await self._reason_to_end(caller)) is not None:
            logger.info("%d requests of %r end early: %s", len(requests), caller.name, reason)
            for running in requests:
                running.end(reason)

    async def _reason_to_end(self, caller: Caller) -> GatewayError | None:
        holder = self._session_holder if caller.is_browser else self._key_holder
        try:
            now = await executors.authority(holder, caller.sha256)
        except Unauthenticated as exc:
            return exc
        except (StoreUnavailable, Busy) as exc:
            logger.warning("cannot check whether requests in progress may continue: %s", exc)
            return None
        if caller.scopes <= now.scopes:
            return None
        return Forbidden(f"{caller.name!r} has lost a permission since this request began: send it again")
