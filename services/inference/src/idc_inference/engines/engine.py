"""What the service needs of a device."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idc_modelio.outputs import Outputs


class Engine(Protocol):
    """Runs a compiled graph on small batches of patches."""

    @property
    def device(self) -> str:
        """What runs the graph, as OpenVINO names it."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what `infer` gives."""

    @property
    def chunk_patches(self) -> int:
        """Most patches in one call of `infer`."""

    @property
    def least_chunk(self) -> int:
        """From so many waiting patches on they are computed together; fewer are computed one by one, one at a time."""

    @property
    def slots(self) -> int:
        """How many threads may call `infer` at once."""

    @property
    def computes_in_caller(self) -> bool:
        """Whether a lone chunk is computed in the thread that calls `infer`."""

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        """Compute one chunk. A device that hangs may never return.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, contiguous, 1 <= N <= `chunk_patches`.

        Returns:
            Each of `outputs` by name, float32, shape (N,); `probability` is calibrated P(IDC), values 0.0-1.0.

        Raises:
            EngineFailed: The device failed.
        """

    def close(self) -> None:
        """Free the device; called from any thread, also while a chunk hangs."""
