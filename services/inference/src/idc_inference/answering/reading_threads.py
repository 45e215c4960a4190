"""Threads that read requests and decode images, so that the event loop stays free."""

import logging
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

from idc_inference.threads.daemons import start_daemon

logger = logging.getLogger(__name__)

HANG_S: Final = 8.0
"""A piece of a request is small: work that takes longer does not come back."""


class ReadingThreads:
    """A bounded pool; where a thread hangs, a new one takes over."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._began_s: dict[object, float] = {}
        """When each busy thread began, on `time.monotonic`'s clock."""
        for _ in range(threads):
            start_daemon("decode", self._serve)

    def put(self, work: Callable[[], None]) -> None:
        """Run `work` in one of the threads, after what waits already; it raises nothing."""
        self._replace_hung()
        self._work.put(work)

    def close(self) -> None:
        """End the threads; work in progress is not waited for."""
        for _ in range(self._threads):
            self._work.put(None)

    def _replace_hung(self) -> None:
        begun_before_s = time.monotonic() - HANG_S
        for thread, begin_s in list(self._began_s.items()):
            if begin_s < begun_before_s and self._began_s.pop(thread, None) is not None:
                logger.error("a thread that reads requests hangs: a new one replaces it")
                start_daemon("decode", self._serve)

    def _serve(self) -> None:
        me = object()
        while (work := self._work.get()) is not None:
            self._began_s[me] = time.monotonic()
            try:
                work()
            except BaseException:
                logger.exception("reading a request failed in an unknown way")
            del work  # it holds a request's body
            if self._began_s.pop(me, None) is None:
                return  # it was replaced
