"""How much work the service takes on at one time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from idc_inference.errors import Busy


class Admission:
    """Counts the requests and patches in progress, and refuses what goes beyond its bounds; safe in threads."""

    def __init__(self, *, max_requests: int, max_patches: int) -> None:
        self._max_requests, self._max_patches = max_requests, max_patches
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._last_ticket = 0

    @property
    def requests(self) -> int:
        """Requests in progress."""
        return len(self._held)

    @property
    def patches(self) -> int:
        """Patches in progress, decoded or about to be."""
        with self._lock:
            return sum(self._held.values())

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """Count one request while the block runs; give a function that counts its patches, too.

        Raises:
            Busy: As many requests are in progress as are allowed; the function raises it for patches.
        """
        with self._lock:
            if len(self._held) >= self._max_requests:
                raise Busy(f"{len(self._held)} requests are in progress: try again in a second")
            self._last_ticket += 1
            ticket = self._last_ticket
            self._held[ticket] = 0

        def hold(patches: int) -> None:
            with self._lock:
                held = sum(self._held.values())
                if held + patches > self._max_patches or ticket not in self._held:
                    raise Busy(f"{held} patches are in progress: try again in a second")
                self._held[ticket] += patches

        try:
            yield hold
        finally:
            with self._lock:
                del self._held[ticket]
