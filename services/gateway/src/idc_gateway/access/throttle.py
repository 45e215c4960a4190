"""Limits on requests for each caller, and on wrong passwords.

Its own buckets instead of the package `limits`: their memory is bounded, and nobody can lock another user out.
"""

import asyncio
import math
import time
from array import array
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from secrets import token_bytes
from typing import Final

from idc_gateway.errors import Busy, GatewayError, TooMany

FAILURES_OF_PAIR: Final = 5
"""Wrong passwords for one name from one source, within a quarter of an hour."""
FAILURES_OF_SOURCE: Final = 30
"""For all names, from one source."""
FAILURES_WINDOW_S: Final = 15 * 60.0
FREE_FAILURES_OF_NAME: Final = 20
"""From all sources together. More failures delay attempts at this name; they lock nobody out."""
DELAY_STEP_S: Final = 0.01
MAX_DELAY_S: Final = 0.5
NAME_WINDOW_S: Final = 3600.0
AT_ONCE_OF_SOURCE: Final = 8
"""Also of one user, from all of the user's known browsers together."""
AT_ONCE: Final = 256

WINDOW_S: Final = 60.0
ROUNDING_S: Final = 1e-6
"""Far above the error of sums of monotonic times, far below the time of one share."""
CELLS: Final = 2**15


class Buckets:
    """A leaky bucket for each of any number of callers, in memory that never grows.

    The generic cell rate algorithm (ITU-T I.371, annex A): a bucket holds `amount` and empties in `window_s`. Callers
    share a fixed number of cells, two each, and the emptier one counts (as in a count-min sketch): no caller is ever
    forgotten, so nobody empties a bucket by filling many others. Which cells a caller has is secret.
    """

    def __init__(self, amount: int, window_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._amount = amount
        self._share_s = window_s / amount
        self._clock = clock
        self._key = token_bytes(16)
        self._empty_at_s = array("d", bytes(8 * 2 * CELLS))

    def level(self, who: str) -> float:
        return self._filled_s(self._cells(who)) / self._share_s

    def wait_s(self, who: str) -> float:
        """How long until the bucket has room for one more; 0 where it has room."""
        over_s = self._filled_s(self._cells(who)) + self._share_s - self._amount * self._share_s
        return over_s if over_s > ROUNDING_S else 0.0

    def add(self, who: str) -> None:
        """Put one in, if there is room."""
        cells, now_s = self._cells(who), self._clock()
        filled_s = min(self._filled_s(cells) + self._share_s, self._amount * self._share_s)
        for cell in cells:
            self._empty_at_s[cell] = max(self._empty_at_s[cell], now_s + filled_s)

    def take_back(self, who: str) -> None:
        cells = self._cells(who)
        emptier = min(self._empty_at_s[cell] for cell in cells)
        for cell in cells:
            if self._empty_at_s[cell] == emptier:
                self._empty_at_s[cell] = emptier - self._share_s

    def _cells(self, who: str) -> tuple[int, int]:
        digest = blake2b(who.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest[:4]) % CELLS, CELLS + int.from_bytes(digest[4:]) % CELLS

    def _filled_s(self, cells: tuple[int, int]) -> float:
        return max(0.0, min(self._empty_at_s[cell] for cell in cells) - self._clock())


class SignInThrottle:
    """Counts password attempts in this process: each before it is made; a right one is taken back."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_pair = Buckets(FAILURES_OF_PAIR, FAILURES_WINDOW_S, clock=clock)
        self._of_source = Buckets(FAILURES_OF_SOURCE, FAILURES_WINDOW_S, clock=clock)
        self._of_name = Buckets(
            FREE_FAILURES_OF_NAME + math.ceil(MAX_DELAY_S / DELAY_STEP_S), NAME_WINDOW_S, clock=clock
        )
        self._at_once: Counter[str] = Counter()

    @asynccontextmanager
    async def attempt(self, name: str, source: str, *, is_known_device: bool = False) -> AsyncIterator[None]:
        """Admit one attempt while the block runs; it failed where the block raises Unauthenticated or WrongPassword.

        Args:
            name: The user's.
            source: See `source_of`, or a device that this user signed in from before.
            is_known_device: Whether it is such a device; failures from elsewhere do not delay it.

        Raises:
            TooMany: Too many attempts failed before, or are in progress.
            Busy: Too many attempts are in progress from all sources.
        """
        pair = f"{source} {name}"
        # A user gets a mark with each sign-in: many marks are still one user, who must not use up `AT_ONCE`.
        place = f"known {name}" if is_known_device else source
        self._check(pair, source, place)
        delay_s = 0.0 if is_known_device else self.delay_s(name)
        buckets = ((self._of_pair, pair), (self._of_source, source), (self._of_name, name))
        for bucket, who in buckets:
            bucket.add(who)
        self._at_once[place] += 1
        is_failure = True
        try:
            if delay_s:
                await asyncio.sleep(delay_s)
            yield
            is_failure = False
        except GatewayError as exc:
            is_failure = isinstance(exc, PermissionError)
            raise
        finally:
            self._leave(place)
            if not is_failure:
                for bucket, who in buckets:
                    bucket.take_back(who)

    def delay_s(self, name: str) -> float:
        return min(MAX_DELAY_S, max(0.0, self._of_name.level(name) - FREE_FAILURES_OF_NAME) * DELAY_STEP_S)

    def _check(self, pair: str, source: str, place: str) -> None:
        wait_s = max(self._of_pair.wait_s(pair), self._of_source.wait_s(source))
        if wait_s:
            raise TooMany("too many attempts to sign in failed", retry_after_s=max(1, math.ceil(wait_s)))
        if self._at_once[place] >= AT_ONCE_OF_SOURCE:
            raise TooMany("too many attempts to sign in are in progress", retry_after_s=1)
        if self._at_once.total() >= AT_ONCE:
            raise Busy("too many people are signing in: try again in a second")

    def _leave(self, place: str) -> None:
        self._at_once[place] -= 1
        if not self._at_once[place]:
            del self._at_once[place]


def source_of(address: str | None) -> str:
    """What an address is counted as: its /64 for IPv6, where a household or office has a whole one (RFC 6177)."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return f"{IPv6Address(int(ip) >> 64 << 64)}/64"


class RequestRates:
    """Counts the requests of each key and user in this process; a minute's worth may come at once."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._buckets = Buckets(per_minute, WINDOW_S, clock=clock)

    def count(self, caller: str) -> None:
        """Count a request; raises TooMany where the caller has sent too many in the last minute."""
        wait_s = self._buckets.wait_s(caller)
        if wait_s:
            raise TooMany(
                f"{caller!r} has sent {self._per_minute} requests within a minute: send many images as a form",
                retry_after_s=min(int(WINDOW_S), max(1, math.ceil(wait_s))),
            )
        self._buckets.add(caller)
