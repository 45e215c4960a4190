"""Objects in the image store that the database does not name yet."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

SETTLE_WITHIN: Final = timedelta(minutes=10)
"""A result not written within this time after its image never will be: its request has ended."""
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class Unsettled:
    """Remembers names until one side takes them: the writer of their results, or the deletion, never both."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._since: dict[str, datetime] = {}

    def add(self, names: Iterable[str]) -> None:
        with self._lock:
            self._since.update(dict.fromkeys(names, self._clock()))

    def give_up(self, names: Iterable[str]) -> None:
        """Make names overdue that nobody took."""
        with self._lock:
            self._since.update((name, _LONG_AGO) for name in names if name in self._since)

    def take(self, names: Iterable[str]) -> bool:
        """Forget names; False where one of them was taken before."""
        with self._lock:
            return None not in [self._since.pop(name, None) for name in names]

    def take_overdue(self) -> list[str]:
        """Forget the names that were not taken in time, and return them."""
        before = self._clock() - SETTLE_WITHIN
        with self._lock:
            overdue = [name for name, since in self._since.items() if since < before]
            for name in overdue:
                del self._since[name]
        return overdue
