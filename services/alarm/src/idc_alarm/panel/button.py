"""Remembers the presses of a mechanical button."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

MAX_PRESSES: Final = 64
"""Presses that wait for the controller; of more the oldest are dropped."""


class Presses:
    """Counts one press once, however often its contact bounces. The pin driver's thread calls all but `take`."""

    def __init__(
        self, debounce_s: float, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start without a press.

        Args:
            debounce_s: A press within this time of any edge is the contact's bounce.
            wake: Called after each press.
            clock: Monotonic seconds.
        """
        self._debounce_s = debounce_s
        self._wake = wake
        self._clock = clock
        self._edge_s: float | None = None
        self._presses: deque[float] = deque(maxlen=MAX_PRESSES)

    def pressed(self) -> None:
        now_s = self._clock()
        is_bounce = self._edge_s is not None and now_s - self._edge_s < self._debounce_s
        self._edge_s = now_s
        if not is_bounce:
            self._presses.append(now_s)
            self._wake()

    def released(self) -> None:
        self._edge_s = self._clock()

    def take(self) -> list[float]:
        """When the button was pressed since the last call, in monotonic seconds."""
        return [self._presses.popleft() for _ in range(len(self._presses))]
