"""Graphs that OpenVINO computes in float32, for training and serving alike. Needs the extra `openvino`."""

from functools import cache
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_modelio.outputs import Outputs

FLOAT32: Final[dict[str, Any]] = {"EXECUTION_MODE_HINT": "ACCURACY"}
"""By default OpenVINO computes in bfloat16 where the processor can: pooled features moved by whole units and P(IDC) by
up to 0.03. ACCURACY keeps the graph's own precision on every device."""
THROUGHPUT: Final[dict[str, Any]] = {**FLOAT32, "PERFORMANCE_HINT": "THROUGHPUT"}
"""As many inferences at once as keep the device busy."""
_ONE_THREAD: Final[dict[str, Any]] = {
    "NUM_STREAMS": 1,
    "INFERENCE_NUM_THREADS": 1,
    "ENABLE_CPU_PINNING": False,
}


@cache
def core() -> ov.Core:
    """OpenVINO's core, one for the process: each further one loads and unloads the plug-ins of all devices."""
    shared = ov.Core()
    # With the weights mapped, a model.bin that someone overwrites in place ends the process with SIGBUS.
    shared.set_property({"ENABLE_MMAP": False})
    # OpenVINO's bindings look numpy up at the first array; two threads that do so at once wait for each other forever.
    ov.Tensor(np.zeros(1, np.uint8)).data.sum()
    return shared


class Graph:
    """A compiled graph of one input and named outputs, for `slots` threads at once.

    On the processor there is a second copy for a lone patch, of one stream with one thread. OpenVINO computes with it
    in the thread that calls `infer`; with more streams it hands the work over and back, which costs 0.3 ms of 2.7 ms.
    """

    def __init__(
        self, model: ov.Model, device: str = "CPU", *, batch: int | None = None, cache_dir: Path | None = None
    ) -> None:
        """Compile it.

        Args:
            model: The graph; the first axis of its input is the batch.
            device: As OpenVINO names it.
            batch: The largest batch, to which smaller ones are filled up: a graph of a fixed batch needs less memory
                and 7 % less time, and none to change between batches (1.5 ms). None leaves it open.
            cache_dir: Where compiled graphs are kept for the next start.

        Raises:
            RuntimeError: OpenVINO cannot compile it or run it on this device.
        """
        config = THROUGHPUT | ({"CACHE_DIR": str(cache_dir)} if cache_dir else {})
        compiled = core().compile_model(model if batch is None else _with_batch(model, batch), device, config)
        self.device = ", ".join(compiled.get_property("EXECUTION_DEVICES"))
        self.output_shapes = _output_shapes(compiled)
        """Of one patch, by the output's name."""
        self.slots = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        """How many threads may call `infer` at once."""
        self.computes_in_caller = device == "CPU"
        """Whether a lone patch is computed in the thread that calls `infer`."""
        requests = [_Request(compiled) for _ in range(self.slots)]
        self._alone: _Request | None = None
        if self.computes_in_caller:
            self._alone = _Request(core().compile_model(_with_batch(model, 1), device, THROUGHPUT | _ONE_THREAD))
        self._idle: LifoQueue[_Request] = LifoQueue()
        self._alone_lock = Lock()
        patch_shape = [axis.get_length() for axis in list(compiled.input(0).partial_shape)[1:]]
        for request in requests:
            self._idle.put(request)
        for request in filter(None, [*requests, self._alone]):
            # in this thread, so that only one thread does the set-up of the first use
            request.infer(np.zeros((1, *patch_shape), np.uint8))

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        """Compute the outputs of a batch; waits while `slots` other threads compute.

        Args:
            patches: RGB, uint8, shape (N, height, width, 3), values 0-255, 1 <= N <= `batch`.

        Returns:
            Each output by name, float32, shape (N, *output_shapes[name]).

        Raises:
            RuntimeError: The device failed, or a result is not a number.
        """
        if self._alone is not None and len(patches) == 1 and self._alone_lock.acquire(blocking=False):
            try:
                return self._alone.infer(patches)
            finally:
                self._alone_lock.release()
        request = self._idle.get()
        try:
            return request.infer(patches)
        finally:
            self._idle.put(request)


def _with_batch(model: ov.Model, batch: int) -> ov.Model:
    """A copy of the graph that takes so many patches, neither more nor fewer."""
    fixed = model.clone()
    shape = fixed.input(0).partial_shape
    shape[0] = batch
    fixed.reshape(shape)
    return fixed


def _output_shapes(compiled: ov.CompiledModel) -> dict[str, tuple[int, ...]]:
    return {
        output.get_any_name(): tuple(axis.get_length() for axis in list(output.partial_shape)[1:])
        for output in compiled.outputs
    }


class _Request:
    """An infer request with its own tensors: OpenVINO's conversion of arrays costs 0.05 ms per call."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._request = compiled.create_infer_request()
        self._output_shapes = _output_shapes(compiled)
        first = next(iter(compiled.input(0).partial_shape))
        self._batch = None if first.is_dynamic else first.get_length()
        self._patches: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._outputs: Outputs = {}

    def infer(self, patches: NDArray[np.uint8]) -> Outputs:
        count = len(patches)
        shape = (self._batch or count, *patches.shape[1:])
        if self._patches.shape != shape:
            self._make_tensors(shape)
        self._patches[:count] = patches
        # Where OpenVINO 2026.4 computes in the calling thread, it reports no failure and leaves the output as it was.
        for output in self._outputs.values():
            output.fill(np.nan)
        self._request.infer(share_outputs=True)
        copies = {name: output[:count].copy() for name, output in self._outputs.items()}
        for name, copy in copies.items():
            if np.isnan(copy).any():
                raise RuntimeError(f"the inference failed, or its {name} is not a number")
        return copies

    def _make_tensors(self, shape: tuple[int, ...]) -> None:
        source = ov.Tensor(ov.Type.u8, ov.Shape(shape))
        self._request.set_input_tensor(source)
        self._patches, self._outputs = source.data, {}
        for index, (name, output_shape) in enumerate(self._output_shapes.items()):
            target = ov.Tensor(ov.Type.f32, ov.Shape([shape[0], *output_shape]))
            self._request.set_output_tensor(index, target)
            self._outputs[name] = target.data
