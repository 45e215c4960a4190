"""Where passwords are hashed: few at one time, few in line."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Final, ParamSpec, TypeVar

from idc_gateway.errors import Busy

AT_ONCE: Final = 2
"""Each takes 19 MiB and a core for a moment."""
MAX_WAITING: Final = 16

P = ParamSpec("P")
T = TypeVar("T")


class HashingRoom:
    """Threads of its own for what is costly on purpose, so that nothing else waits for it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._places = BoundedSemaphore(AT_ONCE + MAX_WAITING)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in one of the threads.

        Raises:
            Busy: As many wait as may.
        """
        if not self._places.acquire(blocking=False):
            raise Busy("too many people sign in at this moment: try again in a second")
        future = self._threads.submit(function, *args, **kwargs)
        # A caller that goes away leaves the thread at work: its place is free when the work is done.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)
