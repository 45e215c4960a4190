"""How often a caller may ask, and how often a wrong password may be tried."""

import math
import time
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, SlidingWindowCounterRateLimiter

from idc_gateway.errors import TooMany

FAILURES_PER_USER_AND_ADDRESS: Final[RateLimitItem] = RateLimitItemPerMinute(5, 15)
FAILURES_PER_ADDRESS: Final[RateLimitItem] = RateLimitItemPerMinute(30, 15)
FAILURES_PER_USER: Final[RateLimitItem] = RateLimitItemPerHour(100)
"""So many from all addresses together: few enough that nobody guesses, so many that nobody is locked out by one."""


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
    """Counts the requests of each key and user, of this process."""

    def __init__(self, per_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(per_minute)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def count(self, caller: str) -> None:
        """Note a request.

        Raises:
            TooMany: The caller has asked too often in the last minute.
        """
        if not self._limiter.hit(self._limit, caller):
            wait_s = self._limiter.get_window_stats(self._limit, caller).reset_time - time.time()
            raise TooMany(
                f"{caller!r} has sent {self._limit.amount} requests within a minute: send many images as a form",
                retry_after_s=min(60, max(1, math.ceil(wait_s))),
            )
