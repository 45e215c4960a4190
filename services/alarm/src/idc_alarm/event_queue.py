"""Where the controller waits: other threads hand over callbacks, and the controller's thread runs them."""

from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any


class EventQueue:
    """Callbacks of the network, the button and the process's signals, in the order in which they came."""

    def __init__(self) -> None:
        # A SimpleQueue may be filled from a signal handler, even while its own `get` is interrupted.
        self._callbacks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.is_closed = False

    def put(self, callback: Callable[..., None], *given: Any) -> None:
        """Hand over a callback, from any thread or signal handler."""
        self._callbacks.put(partial(callback, *given))

    def wake(self) -> None:
        self.put(lambda: None)

    def close(self) -> None:
        """Ask the controller to end."""
        self.is_closed = True
        self.wake()

    def run(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` for a callback, then run all that are there."""
        try:
            callbacks = [self._callbacks.get(timeout=max(0.0, timeout_s))]
            callbacks += [self._callbacks.get_nowait() for _ in range(self._callbacks.qsize())]
        except Empty:
            return
        for callback in callbacks:
            callback()
