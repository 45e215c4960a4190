"""Runs a bundle's graph with OpenVINO."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_inference.errors import EngineFailed, ModelUnavailable
from idc_inference.ports import Done

INPUT: Final = "patch"
OUTPUT: Final = "probability"

# Left alone, OpenVINO computes in bfloat16 where the processor can: P(IDC) then moved by up to 0.03 from what was
# measured and calibrated. ACCURACY keeps the graph's own precision on every device.
# With the weights mapped, a model.bin that someone overwrites in place ends the process with SIGBUS.
COMPILE_CONFIG: Final[dict[str, Any]] = {
    "PERFORMANCE_HINT": "THROUGHPUT",
    "EXECUTION_MODE_HINT": "ACCURACY",
    "ENABLE_MMAP": False,
}

STATIC_DEVICES: Final = ("NPU",)
"""Devices that compile no graph with an open batch: they get one of batch 1."""


@dataclass(eq=False)
class _Chunk:
    """What one infer request works on; its identity marks it as running."""

    patches: NDArray[np.uint8]
    done: Done


def available_devices() -> tuple[str, ...]:
    """The devices that OpenVINO finds on this machine."""
    return tuple(ov.Core().available_devices)


class OpenVinoEngine:
    """One compiled graph behind an `AsyncInferQueue`.

    The throughput hint lets OpenVINO split the cores into streams and say how many infer requests keep them busy; the
    queue has that many. A request that fails on the device calls nobody back, and the queue then raises for ever: the
    engine replaces it, and tells the chunks that were lost.
    """

    def __init__(self, model_path: Path, device: str, *, chunk_patches: int, cache_dir: Path | None = None) -> None:
        """Compile the graph.

        Args:
            model_path: The graph, `model.xml`.
            device: As OpenVINO names it.
            chunk_patches: Most patches in one infer request.
            cache_dir: Where compiled graphs are kept for the next start.

        Raises:
            ModelUnavailable: The graph cannot be read, has other inputs or outputs, or the device cannot run it.
        """
        is_static = device.partition(":")[0].partition(".")[0] in STATIC_DEVICES
        self.chunk_patches = 1 if is_static else chunk_patches
        cache = {"CACHE_DIR": str(cache_dir)} if cache_dir else {}
        try:
            self._compiled = _compile(model_path, device, {**COMPILE_CONFIG, **cache}, is_static=is_static)
            self._input, self._output = self._compiled.input(INPUT), self._compiled.output(OUTPUT)
            self.device = ", ".join(self._compiled.get_property("EXECUTION_DEVICES"))
        except RuntimeError as exc:
            raise ModelUnavailable(f"device {device!r} cannot run {model_path}: {_reason(exc)}") from exc
        self._running: set[_Chunk] = set()
        self._lock = threading.Lock()
        self._queue = self._make_queue()

    def _make_queue(self) -> ov.AsyncInferQueue:
        queue = ov.AsyncInferQueue(self._compiled)  # 0 jobs: as many as OPTIMAL_NUMBER_OF_INFER_REQUESTS says
        queue.set_callback(self._finished)
        return queue

    def start(self, patches: NDArray[np.uint8], done: Done) -> None:
        """Begin one chunk. See `Engine.start`."""
        chunk = _Chunk(patches, done)
        try:
            self._begin(chunk)
        except RuntimeError as earlier:
            self._replace_queue(earlier)
            try:
                self._begin(chunk)
            except RuntimeError as exc:  # a fresh queue speaks of this chunk
                done(self._failure(exc))

    def _begin(self, chunk: _Chunk) -> None:
        with self._lock:
            self._running.add(chunk)
        try:
            # shared: the chunk holds the patches until the request is done
            self._queue.start_async({self._input: chunk.patches}, chunk, share_inputs=True)
        except RuntimeError:
            with self._lock:
                self._running.discard(chunk)
            raise

    def _finished(self, request: ov.InferRequest, chunk: _Chunk) -> None:
        # the output's memory belongs to the request, which may run again as soon as this returns
        probability = np.array(request.get_tensor(self._output).data, dtype=np.float32).reshape(-1)
        with self._lock:
            if chunk not in self._running:
                return
            self._running.remove(chunk)
        chunk.done(probability)

    def check(self) -> None:
        """Replace the queue if one of its requests failed. See `Engine.check`."""
        try:
            for request in self._queue:
                request.wait_for(0)
        except RuntimeError as exc:
            self._replace_queue(exc)

    def _replace_queue(self, error: RuntimeError) -> None:
        self._wait_all()
        self._queue = self._make_queue()
        with self._lock:
            lost, self._running = self._running, set()
        for chunk in lost:
            chunk.done(self._failure(error))

    def _failure(self, error: RuntimeError) -> EngineFailed:
        return EngineFailed(f"the device {self.device} failed: {_reason(error)}")

    def _wait_all(self) -> None:
        for request in self._queue:
            try:
                request.wait()
            except RuntimeError:
                continue

    def close(self) -> None:
        """Wait for what runs. See `Engine.close`."""
        self._wait_all()


def _compile(path: Path, device: str, config: dict[str, Any], *, is_static: bool) -> ov.CompiledModel:
    core = ov.Core()
    core.set_property({"ENABLE_MMAP": config["ENABLE_MMAP"]})
    if not is_static:
        return core.compile_model(path, device, config)
    model = core.read_model(path)
    source = model.input(INPUT).partial_shape
    source[0] = 1
    model.reshape({INPUT: source})
    return core.compile_model(model, device, config)


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
