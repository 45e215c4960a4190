"""The wait before the next attempt to connect."""

import random


class Backoff:
    """Exponential back-off with jitter, so that the devices of a site do not reconnect all at once."""

    def __init__(self, rng: random.Random, *, first_s: float = 0.25, longest_s: float = 10.0) -> None:
        self._rng = rng
        self._first_s = first_s
        self._longest_s = longest_s
        self._ceiling_s = first_s

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(2 * ceiling_s, self._longest_s)
        return ceiling_s * (1.0 - self._rng.random() / 2)

    def reset(self) -> None:
        self._ceiling_s = self._first_s
