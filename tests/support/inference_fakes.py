"""An engine that computes without OpenVINO."""

import threading

import numpy as np
from numpy.typing import NDArray

from idc_inference.engines.devices import DeviceChoice
from idc_inference.engines.engine import Engine
from idc_inference.errors import EngineFailed
from idc_inference.models.served_model import OpenEngine
from idc_modelio.outputs import Outputs
from support.tiny_bundle import tiny_outputs


class RednessEngine:
    """P(IDC) is the mean of the red channel over 255; with checks, it has the outputs of `tiny_outputs`, too."""

    device = "FAKE"

    def __init__(
        self,
        *,
        chunk_patches: int = 4,
        least_chunk: int = 1,
        slots: int = 2,
        computes_in_caller: bool = False,
        has_checks: bool = False,
    ) -> None:
        self.has_checks = has_checks
        self.outputs = tuple(tiny_outputs(np.zeros((1, 1, 1, 3), np.uint8), has_checks=has_checks))
        self.chunk_patches = chunk_patches
        self.least_chunk = least_chunk
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

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        """Compute one chunk. See `Engine.infer`."""
        self.gate.wait(timeout=30)
        if self.failure is not None:
            raise EngineFailed(self.failure)
        self.batch_sizes.append(len(patches))
        return self.score(patches)

    def score(self, patches: NDArray[np.uint8]) -> Outputs:
        """Each output, float32, shape (N,)."""
        return tiny_outputs(patches, has_checks=self.has_checks)

    def close(self) -> None:
        """Remember it; what hangs is not waited for, and the engine can be opened again."""
        self.is_closed = True


def serve_fake(engine: Engine) -> OpenEngine:
    """What compiles every graph to this one engine."""
    return lambda _path, _sha256: (engine, DeviceChoice(engine.device, engine.device, (engine.device,)))
