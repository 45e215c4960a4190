"""An engine for tests that need no OpenVINO."""

import threading

import numpy as np
from numpy.typing import NDArray

from idc_inference.engines.devices import DeviceChoice
from idc_inference.engines.engine import Engine
from idc_inference.errors import EngineFailed
from idc_inference.models.served_model import OpenEngine


class RednessEngine:
    """P(IDC) is the mean of the red channel over 255."""

    device = "FAKE"

    def __init__(self, *, chunk_patches: int = 4, slots: int = 2, computes_in_caller: bool = False) -> None:
        self.chunk_patches = chunk_patches
        self.computes_in_caller = computes_in_caller
        self.batch_sizes: list[int] = []
        """How many patches each chunk had."""
        self.failure: str | None = None
        """Set to make each chunk fail with this text."""
        self.gate = threading.Event()
        """Chunks wait until it is set, as it is at first."""
        self.gate.set()
        self.is_closed = False
        self.slots = slots

    def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute one chunk. See `Engine.infer`."""
        self.gate.wait(timeout=30)
        if self.failure is not None:
            raise EngineFailed(self.failure)
        self.batch_sizes.append(len(patches))
        return self.score(patches)

    def score(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The mean of the red channel over 255, float32, shape (N,)."""
        return np.asarray(patches[..., 0].mean(axis=(1, 2)) / 255, dtype=np.float32)

    def close(self) -> None:
        """Remember it; what hangs is not waited for, and the engine can be opened again."""
        self.is_closed = True


def serve_fake(engine: Engine) -> OpenEngine:
    """What compiles every graph to this one engine."""
    return lambda _path, _sha256: (engine, DeviceChoice(engine.device, engine.device, (engine.device,)))
