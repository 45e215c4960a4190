"""An engine and a meter for tests and demonstrations that need no OpenVINO."""

import threading
from functools import partial

import numpy as np
from numpy.typing import NDArray

from idc_inference.engines.devices import DeviceChoice
from idc_inference.engines.engine import Done, Engine, Stage
from idc_inference.errors import EngineFailed
from idc_inference.models.served_model import OpenEngine
from idc_inference.threads.daemons import start_daemon


class RednessEngine:
    """P(IDC) is the mean of the red channel over 255."""

    device = "FAKE"

    def __init__(self, *, chunk_patches: int = 4, slots: int = 2) -> None:
        self.chunk_patches = chunk_patches
        self.batch_sizes: list[int] = []
        """How many patches each chunk had."""
        self.failure: str | None = None
        """Set to make each chunk fail with this text."""
        self.gate = threading.Event()
        """Chunks wait until it is set, as it is at first."""
        self.gate.set()
        self.is_closed = False
        self.slots = slots

    def start(self, patches: NDArray[np.uint8], done: Done) -> None:
        """Begin one chunk. See `Engine.start`."""
        start_daemon("fake-device", partial(self._run, patches, done))

    def _run(self, patches: NDArray[np.uint8], done: Done) -> None:
        self.gate.wait(timeout=30)
        if self.failure is not None:
            done(EngineFailed(self.failure))
            return
        self.batch_sizes.append(len(patches))
        done(self.score(patches))

    def score(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The mean of the red channel over 255, float32, shape (N,)."""
        return np.asarray(patches[..., 0].mean(axis=(1, 2)) / 255, dtype=np.float32)

    def close(self) -> None:
        """Remember it; what hangs is not waited for, and the engine can be opened again."""
        self.is_closed = True


def serve_fake(engine: Engine) -> OpenEngine:
    """What compiles every graph to this one engine."""
    return lambda _path, _sha256: (engine, DeviceChoice(engine.device, engine.device, (engine.device,)))


class RecordingMeter:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, str, int]] = []
        self.stages: list[Stage] = []
        self.chunks: list[int] = []
        self.errors: list[str] = []
        self.loaded: list[str] = []
        self.refused: list[str] = []
        self.unloaded: list[str] = []

    def request(self, status: int, input_name: str, patches: int) -> None:
        """Keep it. See `Meter.request`."""
        self.requests.append((status, input_name, patches))

    def stage(self, stage: Stage, duration_s: float) -> None:  # noqa: ARG002 - a duration differs from run to run
        """Keep the stage's name. See `Meter.stage`."""
        self.stages.append(stage)

    def chunk(self, patches: int) -> None:
        """Keep it. See `Meter.chunk`."""
        self.chunks.append(patches)

    def error(self, kind: str) -> None:
        """Keep it. See `Meter.error`."""
        self.errors.append(kind)

    def model_loaded(self, version: str, *, load_s: float) -> None:  # noqa: ARG002 - as above
        """Keep it. See `Meter.model_loaded`."""
        self.loaded.append(version)

    def model_refused(self, version: str) -> None:
        """Keep it. See `Meter.model_refused`."""
        self.refused.append(version)

    def model_unloaded(self, version: str) -> None:
        """Keep it. See `Meter.model_unloaded`."""
        self.unloaded.append(version)
