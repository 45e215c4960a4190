"""What the service needs from the outside."""

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import EngineFailed

Done = Callable[[NDArray[np.float32] | EngineFailed], None]
"""Takes calibrated P(IDC), float32, shape (N,), values 0.0-1.0, or why there is none."""

Stage = Literal["decode", "queue", "infer", "output", "total"]
"""The first four follow one another without a gap or an overlap; `total` also holds the time the body took to come."""


class Engine(Protocol):
    """Runs a compiled graph on small batches of patches."""

    @property
    def device(self) -> str:
        """What runs the graph, as OpenVINO names it."""

    @property
    def chunk_patches(self) -> int:
        """Most patches that it takes at once."""

    @property
    def slots(self) -> int:
        """How many chunks it runs at once."""

    def start(self, patches: NDArray[np.uint8], done: Done) -> None:
        """Begin one chunk; one thread calls this, and no more often than there are free slots.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, contiguous, 1 <= N <= `chunk_patches`.
            done: Called exactly once, from any thread, sometimes before `start` returns, whatever happens. A device
                that hangs may never call it: who gave it the chunk watches the time.
        """

    def close(self) -> None:
        """Free the device; called from any thread, also while a chunk hangs."""


class Meter(Protocol):
    """Counts and measures what the service does; each method is cheap and may be called from any thread."""

    def request(self, status: int, input_name: str, patches: int) -> None:
        """One infer request was answered; `input_name` is empty where it could not be read."""

    def stage(self, stage: Stage, duration_s: float) -> None:
        """One stage of one request took so long."""

    def chunk(self, patches: int) -> None:
        """So many patches went to the device at once."""

    def error(self, kind: str) -> None:
        """One request failed; `kind` is the error's class name."""

    def model_loaded(self, version: str, *, load_s: float) -> None:
        """A version passed its tests and is served."""

    def model_refused(self, version: str) -> None:
        """A version did not pass."""

    def model_unloaded(self, version: str) -> None:
        """A version is no longer served."""
