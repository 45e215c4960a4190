"""What the classifier needs from the outside."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """Runs the compiled graph; safe to call from several threads at once."""

    @property
    def device(self) -> str:
        """What runs the graph, as OpenVINO names it."""

    def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the graph.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, N >= 1.

        Returns:
            Calibrated P(IDC), float32, shape (N,), values 0.0-1.0.

        Raises:
            EngineFailed: The device could not run it.
        """

    def close(self) -> None:
        """Free the device."""
