"""Runs a bundle's graph with OpenVINO."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from queue import SimpleQueue
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


def available_devices() -> tuple[str, ...]:
    """The devices that OpenVINO finds on this machine."""
    return tuple(_core().available_devices)


@cache
def _core() -> ov.Core:
    """One for the process: a second one would load and unload every device's plug-in again."""
    core = ov.Core()
    core.set_property({"ENABLE_MMAP": COMPILE_CONFIG["ENABLE_MMAP"]})
    # OpenVINO's bindings look numpy up at the first array; two threads that do so at once wait for each other for ever
    ov.Tensor(np.zeros(1, np.uint8)).data.sum()
    return core


class OpenVinoEngine:
    """One compiled graph with as many infer requests as the device runs best at once, and a thread for each.

    The throughput hint lets OpenVINO split the cores into streams and say how many requests keep them busy.
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
            self._first_inference()
        except RuntimeError as exc:
            raise ModelUnavailable(f"device {device!r} cannot run {model_path}: {_reason(exc)}") from exc
        self._free = self._make_requests()
        self._workers = ThreadPoolExecutor(self._free.qsize(), thread_name_prefix="infer")

    def _first_inference(self) -> None:
        """Run once in the thread that opens the engine, so that whatever is set up on first use is set up by one."""
        extents = list(self._input.partial_shape)[1:]
        self._compiled.create_infer_request().infer(
            {self._input: np.zeros((1, *(extent.get_length() for extent in extents)), np.uint8)}
        )

    def _make_requests(self) -> SimpleQueue[ov.InferRequest]:
        requests: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))):
            requests.put(self._compiled.create_infer_request())
        return requests

    def start(self, patches: NDArray[np.uint8], done: Done) -> None:
        """Begin one chunk. See `Engine.start`."""
        self._workers.submit(self._infer, self._free.get(), patches, done)

    def _infer(self, request: ov.InferRequest, patches: NDArray[np.uint8], done: Done) -> None:
        result: NDArray[np.float32] | EngineFailed
        try:
            # copied into the request's own memory: 7.5 kB a patch are nothing beside the inference
            result = np.array(request.infer({self._input: patches})[self._output], dtype=np.float32).reshape(-1)
        except RuntimeError as exc:
            result = EngineFailed(f"the device {self.device} failed: {_reason(exc)}")
        self._free.put(request)
        done(result)

    def close(self) -> None:
        """Wait for what runs, then let go of the device. See `Engine.close`."""
        self._workers.shutdown(wait=True)
        del self._free, self._compiled, self._input, self._output


def _compile(path: Path, device: str, config: dict[str, Any], *, is_static: bool) -> ov.CompiledModel:
    core = _core()
    if not is_static:
        return core.compile_model(path, device, config)
    model = core.read_model(path)
    source = model.input(INPUT).partial_shape
    source[0] = 1
    model.reshape({INPUT: source})
    return core.compile_model(model, device, config)


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
