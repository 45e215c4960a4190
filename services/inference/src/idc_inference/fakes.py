"""An engine for tests and demonstrations that needs no OpenVINO."""

import threading

import numpy as np
from numpy.typing import NDArray

from idc_inference.errors import EngineFailed


class RednessEngine:
    """P(IDC) is the mean of the red channel over 255."""

    device = "FAKE"

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []
        """How many patches each call had."""
        self.failure: str | None = None
        """Set to make each call fail with this text."""
        self.gate = threading.Event()
        """Calls wait until it is set, as it is at first."""
        self.gate.set()

    def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The mean of the red channel over 255, float32, shape (N,)."""
        self.gate.wait(timeout=30)
        if self.failure is not None:
            raise EngineFailed(self.failure)
        self.batch_sizes.append(len(patches))
        return np.asarray(patches[..., 0].mean(axis=(1, 2)) / 255, dtype=np.float32)

    def close(self) -> None:
        """Nothing to free."""
