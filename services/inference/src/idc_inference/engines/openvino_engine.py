"""Runs a bundle's graph with OpenVINO."""

import logging
from functools import cache, partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_inference.engines.engine import Done
from idc_inference.errors import EngineFailed, ModelUnavailable
from idc_inference.threads.daemons import start_daemon

logger = logging.getLogger(__name__)

_Chunk = tuple[NDArray[np.uint8], Done]

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
            self.slots = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
            requests = [self._compiled.create_infer_request() for _ in range(self.slots)]
        except RuntimeError as exc:
            raise ModelUnavailable(f"device {device!r} cannot run {model_path}: {_reason(exc)}") from exc
        self._work: SimpleQueue[_Chunk | None] = SimpleQueue()
        self._threads = [start_daemon("infer", partial(self._serve, request)) for request in requests]

    def _first_inference(self) -> None:
        """Run once in the thread that opens the engine, so that whatever is set up on first use is set up by one."""
        extents = list(self._input.partial_shape)[1:]
        self._compiled.create_infer_request().infer(
            {self._input: np.zeros((1, *(extent.get_length() for extent in extents)), np.uint8)}
        )

    def start(self, patches: NDArray[np.uint8], done: Done) -> None:
        """Begin one chunk. See `Engine.start`."""
        self._work.put((patches, done))

    def _serve(self, request: ov.InferRequest) -> None:
        """Run chunks on one infer request; a hung driver keeps this thread, and nobody waits for it."""
        while (chunk := self._work.get()) is not None:
            patches, done = chunk
            try:
                done(self._infer(request, patches))
            except BaseException:  # a slot must not be lost for the mistake of whoever asked
                logger.exception("the result of an inference was not taken")
            del chunk, patches, done  # they belong to whoever asked

    def _infer(self, request: ov.InferRequest, patches: NDArray[np.uint8]) -> NDArray[np.float32] | EngineFailed:
        try:
            # copied into the request's own memory: 7.5 kB a patch are nothing beside the inference
            return np.array(request.infer({self._input: patches})[self._output], dtype=np.float32).reshape(-1)
        except RuntimeError as exc:
            return EngineFailed(f"the device {self.device} failed: {_reason(exc)}")
        except BaseException:  # whoever waits must be told, and this thread must live on
            logger.exception("an inference failed in a way that OpenVINO does not document")
            return EngineFailed(f"the device {self.device} failed: the service's log says why")

    def close(self) -> None:
        """Wait for what runs, then free the device. See `Engine.close`."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        del self._compiled, self._input, self._output


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
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else "it gave no reason"
