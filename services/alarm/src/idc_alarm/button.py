"""Counts presses of a mechanical button."""

import threading
import time
from collections.abc import Callable


class PressCounter:
    """Takes one press for one, however often its contact bounces. The pin driver's thread calls it."""

    def __init__(
        self, debounce_s: float, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is pressed.

        Args:
            debounce_s: A press within this time of any edge is the contact's bounce.
            wake: Called after each press, so that the loop need not be asked for it.
            clock: Monotonic seconds.
        """
        self._debounce_s = debounce_s
        self._wake = wake
        self._clock = clock
        self._lock = threading.Lock()
        self._edge_s: float | None = None
        self._presses = 0

    def pressed(self) -> None:
        """The contact closed."""
        with self._lock:
            now_s = self._clock()
            is_bounce = self._edge_s is not None and now_s - self._edge_s < self._debounce_s
            self._edge_s = now_s
            self._presses += not is_bounce
        if not is_bounce:
            self._wake()

    def released(self) -> None:
        """The contact opened."""
        with self._lock:
            self._edge_s = self._clock()

    def take(self) -> int:
        """The presses since the last call."""
        with self._lock:
            presses, self._presses = self._presses, 0
        return presses
