"""Threads for what blocks, in separate and bounded pools: what is slow or hangs in one costs the others nothing.

page = await executors.reads(store.results.page, wanted, limit, cursor)
"""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Final, ParamSpec, TypeVar

from idc_gateway.errors import Busy, GatewayError, ImagesUnavailable, StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

_STORE_LATE: Final = "the database has not answered within {:.0f} s: check its disk or server, then try again"
WRITE_LATE: Final = (
    "the database has not answered within {:.0f} s and may still store this: check its disk or server, and "
    "whether this was stored, before you send it again; with the same Idempotency-Key nothing is stored twice"
)
_LATE: Final = "the gateway did not start this within {:.0f} s: it is overloaded, try again later"
_IMAGES_LATE: Final = "the image store has not answered within {:.0f} s: check its disk or server, then try again"


class Executor:
    """A pool of threads, a bounded queue before it, and a deadline that holds whatever the threads do."""

    def __init__(
        self, name: str, threads: int, *, waiting: int, late: GatewayError | None = None, timeout_s: float | None = None
    ) -> None:
        """Make the pool; its threads start when they are needed.

        Args:
            name: What it does, as callers read it.
            threads: How many calls run at once.
            waiting: How many more may wait.
            late: What is raised where a call takes too long.
            timeout_s: How long a call may take, its waiting included; None is without an end, for background tasks.
        """
        self.name = name
        self._threads = threads
        self._most = threads + waiting
        self._late = late
        self._timeout_s = timeout_s
        self._lock = Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._in_use = 0

    @property
    def in_use(self) -> int:
        """Calls that run or wait, those whose callers have given up included as long as their threads run."""
        return self._in_use

    async def __call__(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call something in a thread.

        Raises:
            Busy: As many calls wait as may.
            GatewayError: It took too long; its thread may still be at it.
        """
        future = self._submit(partial(contextvars.copy_context().run, do, *args, **kwargs))
        try:
            async with asyncio.timeout(self._timeout_s) as deadline:
                return await asyncio.wrap_future(future)
        except TimeoutError as exc:
            if not deadline.expired() or self._late is None or self._timeout_s is None:
                raise
            raise type(self._late)(str(self._late).format(self._timeout_s)) from exc

    async def iterate(self, items: Iterator[T]) -> AsyncIterator[T]:
        """An iterator whose every step blocks, as one that doesn't."""
        end = object()
        while (item := await self(next, items, end)) is not end:
            yield item  # type: ignore[misc]

    def _submit(self, do: Callable[[], T]) -> "Future[T]":
        with self._lock:
            if self._in_use >= self._most:
                raise Busy(f"{self._in_use} {self.name} are in progress or wait: try again in a second")
            self._in_use += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=self.name.replace(" ", "-"))
            future = self._pool.submit(do)
        future.add_done_callback(self._free)
        return future

    def _free(self, _future: "Future[T]") -> None:
        with self._lock:
            self._in_use -= 1


reads: Final = Executor("reads", 6, waiting=250, late=StoreUnavailable(_STORE_LATE), timeout_s=20)
writes: Final = Executor("writes", 4, waiting=250, late=StoreUnavailable(WRITE_LATE), timeout_s=30)
feed: Final = Executor("reads of the feed", 2, waiting=100, late=StoreUnavailable(_STORE_LATE), timeout_s=20)
exports: Final = Executor("exports", 2, waiting=30, late=StoreUnavailable(_STORE_LATE), timeout_s=60)
walks: Final = Executor("checks of the audit chain", 1, waiting=2, late=StoreUnavailable(_STORE_LATE), timeout_s=900)
decoding: Final = Executor("images to decode", 4, waiting=250, late=Busy(_LATE), timeout_s=60)
images: Final = Executor("accesses to images", 6, waiting=100, late=ImagesUnavailable(_IMAGES_LATE), timeout_s=30)
deletions: Final = Executor("deletions of images", 1, waiting=50)
authority: Final = Executor("checks of keys", 1, waiting=500, late=StoreUnavailable(_STORE_LATE), timeout_s=10)
"""Whether running requests may continue: no other read or write delays these checks."""
passwords: Final = Executor("passwords", 2, waiting=30, late=Busy(_LATE), timeout_s=20)
health: Final = Executor("checks of the database", 1, waiting=50)
image_health: Final = Executor("checks of the image store", 1, waiting=50)
background: Final = Executor("background tasks", 6, waiting=50)
"""Outbox, backlog, housekeeping, records of alarms: each has one call at a time."""
