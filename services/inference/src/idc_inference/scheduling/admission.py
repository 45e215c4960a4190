"""How much work the service takes on at one time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from idc_inference.errors import Busy


class Admission:
    """Counts the requests and patches in progress and rejects more than it allows; safe in threads."""

    def __init__(self, *, max_requests: int, max_patches: int) -> None:
        self._max_requests, self._max_patches = max_requests, max_patches
        self._lock = threading.Lock()
        self._patches: dict[object, int] = {}
        """By request in progress."""

    @property
    def requests(self) -> int:
        """Requests in progress."""
        return len(self._patches)

    @property
    def patches(self) -> int:
        """Patches in progress, decoded or about to be."""
        with self._lock:
            return sum(self._patches.values())

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """Count one request while the block runs; gives a function that counts its patches.

        Raises:
            Busy: As many requests are in progress as are allowed; the function raises it for patches.
        """
        ticket = object()
        with self._lock:
            if len(self._patches) >= self._max_requests:
                raise Busy(f"{len(self._patches)} requests are in progress: try again in a second")
            self._patches[ticket] = 0

        def hold(patches: int) -> None:
            with self._lock:
                held = sum(self._patches.values())
                if held + patches > self._max_patches or ticket not in self._patches:
                    raise Busy(f"{held} patches are in progress: try again in a second")
                self._patches[ticket] += patches

        try:
            yield hold
        finally:
            with self._lock:
                del self._patches[ticket]
