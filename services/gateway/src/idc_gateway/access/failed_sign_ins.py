"""Which failed sign-ins the audit chain gets: enough to see an attack, too few to fill the chain by one."""

import time
from collections.abc import Callable
from typing import Final

from idc_gateway.access.throttle import FAILURES_WINDOW_S, Buckets

RECORDED_OF_SOURCE: Final = 5
RECORDED: Final = 100
"""Of all sources together, within a quarter of an hour."""


class FailedSignIns:
    """Counts what was left out, of this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_source = Buckets(RECORDED_OF_SOURCE, FAILURES_WINDOW_S, clock=clock)
        self._of_all = Buckets(RECORDED, FAILURES_WINDOW_S, clock=clock)
        self._left_out = 0

    def to_record(self, source: str) -> int | None:
        """None where this failure is not recorded; otherwise how many before it were not."""
        if self._of_source.wait_s(source) or self._of_all.wait_s(""):
            self._left_out += 1
            return None
        self._of_source.add(source)
        self._of_all.add("")
        left_out, self._left_out = self._left_out, 0
        return left_out
