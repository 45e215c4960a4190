"""Stops asking a server that fails, and asks again after a pause (M. Nygard, Release It!, 2nd ed. 2018, ch. 5)."""

import time
from collections.abc import Callable
from typing import Final

FAILURES_TO_OPEN: Final = 3
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 8.0
"""A server that recovers gets requests again within 10 s."""


class CircuitBreaker:
    """Closed while the server works; open after failures in a row; half-open for one trial after each pause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._open_until_s: float | None = None
        self._is_trial_under_way = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._open_until_s is None:
            return "closed"
        return "half-open" if self._clock() >= self._open_until_s else "open"

    @property
    def lets_in(self) -> bool:
        """Whether a request may be sent now."""
        return self.state == "closed" or (self.state == "half-open" and not self._is_trial_under_way)

    @property
    def wait_s(self) -> float:
        """How long until the next trial; 0 where it may be made now."""
        return 0.0 if self._open_until_s is None else max(0.0, self._open_until_s - self._clock())

    def begin(self) -> None:
        """A request is sent."""
        self._is_trial_under_way = self._open_until_s is not None

    def succeeded(self) -> None:
        """The server answered, if only that the request was wrong."""
        self._failures, self._pause_s = 0, FIRST_PAUSE_S
        self._open_until_s, self._is_trial_under_way = None, False

    def failed(self) -> None:
        """It did not answer, or answered that it cannot."""
        self._failures += 1
        if self._open_until_s is not None:  # the trial failed
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        elif self._failures < FAILURES_TO_OPEN:
            return
        self._open_until_s = self._clock() + self._pause_s
        self._is_trial_under_way = False

    def gave_up(self) -> None:
        """The request ended without telling whether the server works."""
        self._is_trial_under_way = False

    def try_now(self) -> None:
        """The server is back: end the pause."""
        if self._open_until_s is not None:
            self._open_until_s = self._clock()
