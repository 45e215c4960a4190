"""Wakes a loop that waits for a socket, from another thread."""

import contextlib
import os
import select


class WakePipe:
    """A pipe that becomes readable when it is rung."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def fileno(self) -> int:
        """What `select` waits for."""
        return self._reader

    def ring(self) -> None:
        """Wake whoever waits; one ring is enough for many."""
        # a full pipe wakes as well; a closed one has nobody to wake
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._writer, b"\0")

    def wait(self, timeout_s: float) -> None:
        """Wait until the pipe was rung, or the time is over."""
        if select.select([self._reader], [], [], max(0.0, timeout_s))[0]:
            self.clear()

    def clear(self) -> None:
        """Forget all rings."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)

    def close(self) -> None:
        """Let the pipe go."""
        os.close(self._reader)
        os.close(self._writer)
