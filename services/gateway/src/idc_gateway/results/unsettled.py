"""Objects that were put into the image store and that the database does not name yet."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

SETTLE_WITHIN: Final = timedelta(minutes=10)
"""A result that is not written so long after its image was put will not be: its request has ended."""


class Unsettled:
    """Remembers names until somebody takes them: who writes their results, or who deletes them, never both."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._since: dict[str, datetime] = {}

    def add(self, names: Iterable[str]) -> None:
        """Remember names that are new."""
        with self._lock:
            self._since.update(dict.fromkeys(names, self._clock()))

    def take(self, names: Iterable[str]) -> bool:
        """Forget names; False where one of them was taken before."""
        with self._lock:
            return None not in [self._since.pop(name, None) for name in names]

    def take_overdue(self) -> list[str]:
        """Forget the names that nobody took in time, and return them."""
        before = self._clock() - SETTLE_WITHIN
        with self._lock:
            overdue = [name for name, since in self._since.items() if since < before]
            for name in overdue:
                del self._since[name]
        return overdue
