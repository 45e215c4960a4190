"""Graphs that OpenVINO computes in float32, for training and serving alike. Needs the extra `openvino`."""

from functools import cache
from pathlib import Path
from queue import LifoQueue
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

FLOAT32: Final[dict[str, Any]] = {"EXECUTION_MODE_HINT": "ACCURACY"}
"""Left alone, OpenVINO computes in bfloat16 where the processor can: pooled features moved by whole units and P(IDC) by
up to 0.03. ACCURACY keeps the graph's own precision on every device."""
THROUGHPUT: Final[dict[str, Any]] = {**FLOAT32, "PERFORMANCE_HINT": "THROUGHPUT"}
"""As many inferences at once as keep the device busy."""
_ONE_THREAD: Final[dict[str, Any]] = {
    "NUM_STREAMS": 1,
    "INFERENCE_NUM_THREADS": 1,
    "ENABLE_CPU_PINNING": False,
}
_COPIES_BYTES: Final = 64 * 1024**2
"""All copies of a graph's weights together: beyond it the threads share one."""


@cache
def core() -> ov.Core:
    """OpenVINO's core, one for the process: each further one loads and unloads the plug-ins of all devices."""
    made = ov.Core()
    # With the weights mapped, a model.bin that someone overwrites in place ends the process with SIGBUS.
    made.set_property({"ENABLE_MMAP": False})
    # OpenVINO's bindings look numpy up at the first array; two threads that do so at once wait for each other forever.
    ov.Tensor(np.zeros(1, np.uint8)).data.sum()
    return made


class Graph:
    """A compiled graph of one input and one output, for `slots` threads at once.

    On the processor, a copy of a small graph is compiled for each core, of one stream and one thread. OpenVINO then
    computes in the thread that calls `infer`; with streams of its own it hands the work over and back, which costs
    0.1 to 0.25 ms of 1.9 ms an inference.
    """

    def __init__(self, model: ov.Model, device: str = "CPU", *, cache_dir: Path | None = None) -> None:
        """Compile it.

        Args:
            model: The graph; the first axis of its input is the batch.
            device: As OpenVINO names it.
            cache_dir: Where compiled graphs are kept for the next start.

        Raises:
            RuntimeError: OpenVINO cannot compile it or run it on this device.
        """
        config = THROUGHPUT | ({"CACHE_DIR": str(cache_dir)} if cache_dir else {})
        compiled = core().compile_model(model, device, config)
        self.device = ", ".join(compiled.get_property("EXECUTION_DEVICES"))
        self.output_shape = tuple(axis.get_length() for axis in list(compiled.output(0).partial_shape)[1:])
        """Of one patch."""
        self.slots = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        """How many threads may call `infer` at once."""
        self.computes_in_caller = False
        """Whether the thread that calls `infer` computes, so that another thread gains nothing."""
        copies = [compiled] * self.slots
        if device == "CPU":
            cores = int(compiled.get_property("INFERENCE_NUM_THREADS"))
            if cores * _weights_bytes(model) <= _COPIES_BYTES:
                self.slots, self.computes_in_caller = cores, True
                copies = [core().compile_model(model, device, config | _ONE_THREAD) for _ in range(cores)]
        self._idle: LifoQueue[_Request] = LifoQueue()
        patch_shape = [axis.get_length() for axis in list(compiled.input(0).partial_shape)[1:]]
        for copy in copies:
            request = _Request(copy)
            # in this thread, so that one thread alone sets up whatever is set up on first use
            request.infer(np.zeros((1, *patch_shape), np.uint8))
            self._idle.put(request)

    def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the output of a batch; waits while `slots` other threads compute.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, N >= 1.

        Returns:
            float32, shape (N, *output_shape).

        Raises:
            RuntimeError: The device failed.
        """
        request = self._idle.get()
        try:
            return request.infer(patches)
        finally:
            self._idle.put(request)


class _Request:
    """An infer request with tensors of its own: OpenVINO's conversion of arrays costs 0.05 ms a call."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._request = compiled.create_infer_request()
        self._output_shape = [axis.get_length() for axis in list(compiled.output(0).partial_shape)[1:]]
        self._patches: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._output: NDArray[np.float32] = np.empty(0, np.float32)

    def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._patches.shape != patches.shape:
            source = ov.Tensor(ov.Type.u8, ov.Shape(patches.shape))
            target = ov.Tensor(ov.Type.f32, ov.Shape([len(patches), *self._output_shape]))
            self._request.set_input_tensor(source)
            self._request.set_output_tensor(target)
            self._patches, self._output = source.data, target.data
        self._patches[:] = patches
        # Where OpenVINO 2026.4 computes in the calling thread, it reports no failure and leaves the output as it was.
        self._output.fill(np.nan)
        self._request.infer(share_outputs=True)
        if np.isnan(self._output).any():
            raise RuntimeError("the inference failed, or its result is not a number")
        return self._output.copy()


def _weights_bytes(model: ov.Model) -> int:
    return sum(node.data.nbytes for node in model.get_ops() if node.get_type_name() == "Constant")
