"""How often a caller may ask, and how often a wrong password may be tried."""

import math
import time
from collections.abc import Callable
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from idc_gateway.errors import TooMany

FAILURES_PER_USER_AND_ADDRESS: Final[RateLimitItem] = RateLimitItemPerMinute(5, 15)
FAILURES_PER_ADDRESS: Final[RateLimitItem] = RateLimitItemPerMinute(30, 15)
FAILURES_PER_USER: Final[RateLimitItem] = RateLimitItemPerHour(100)
"""So many from all addresses together: few enough that nobody guesses, so many that nobody is locked out by one."""

WINDOW_S: Final = 60.0
MAX_CALLERS: Final = 10_000
"""Beyond so many, those who have been silent are forgotten."""


class SignInThrottle:
    """Counts failed attempts, of this process."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def check(self, name: str, address: str) -> None:
        """Let an attempt be made.

        Raises:
            TooMany: Too many failed before it.
        """
        for limit, of in self._limits(name, address):
            if not self._limiter.test(limit, *of):
                wait_s = self._limiter.get_window_stats(limit, *of).reset_time - time.time()
                raise TooMany("too many attempts to sign in failed", retry_after_s=max(1, math.ceil(wait_s)))

    def count_failure(self, name: str, address: str) -> None:
        """Note that an attempt failed."""
        for limit, of in self._limits(name, address):
            self._limiter.hit(limit, *of)

    @staticmethod
    def _limits(name: str, address: str) -> tuple[tuple[RateLimitItem, tuple[str, ...]], ...]:
        return (
            (FAILURES_PER_USER_AND_ADDRESS, ("pair", name, address)),
            (FAILURES_PER_ADDRESS, ("address", address)),
            (FAILURES_PER_USER, ("user", name)),
        )


class RequestRates:
    """Counts the requests of each key and user, of this process.

    By the generic cell rate algorithm (ITU-T I.371, annex A): a minute's worth may come at once, then one for each that
    time lets go. One number for each caller; a window with its own timers cost more than all else that a request needs.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._empty_at_s: dict[str, float] = {}
        """When each caller's requests will have been let go."""

    def count(self, caller: str) -> None:
        """Note a request.

        Raises:
            TooMany: The caller has asked too often in the last minute.
        """
        now_s, share_s = self._clock(), WINDOW_S / self._per_minute
        empty_at_s = max(now_s, self._empty_at_s.get(caller, now_s)) + share_s
        wait_s = empty_at_s - WINDOW_S - now_s
        if wait_s > share_s / 2:  # half a share, so that rounding refuses nobody
            raise TooMany(
                f"{caller!r} has sent {self._per_minute} requests within a minute: send many images as a form",
                retry_after_s=min(int(WINDOW_S), max(1, math.ceil(wait_s))),
            )
        if len(self._empty_at_s) >= MAX_CALLERS:
            self._empty_at_s = {name: at_s for name, at_s in self._empty_at_s.items() if at_s > now_s}
        self._empty_at_s[caller] = empty_at_s
