"""Runs a bundle's graph with OpenVINO."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_inference.errors import EngineFailed, ModelUnavailable

INPUT: Final = "patch"
OUTPUT: Final = "probability"

# Left alone, OpenVINO computes in bfloat16 where the processor can: P(IDC) then moved by up to 0.03 from what was
# measured and calibrated. ACCURACY keeps the graph's own precision on every device.
COMPILE_CONFIG: Final = {"PERFORMANCE_HINT": "THROUGHPUT", "EXECUTION_MODE_HINT": "ACCURACY"}


class OpenVinoEngine:
    """One compiled graph with as many infer requests as the device runs best at once.

    The throughput hint lets OpenVINO split the cores into streams: single patches from many clients and the chunks of
    one large batch then run side by side. On a two-core box a lone request pays little for it.
    """

    def __init__(self, model_path: Path, device: str, *, chunk_patches: int) -> None:
        """Compile the graph.

        Raises:
            ModelUnavailable: The graph cannot be read, has other inputs or outputs, or the device is not there.
        """
        core = ov.Core()
        try:
            compiled = core.compile_model(model_path, device, COMPILE_CONFIG)
            self._input, self._output = compiled.input(INPUT), compiled.output(OUTPUT)
            self._requests = self._make_requests(compiled)
            self.device = ", ".join(compiled.get_property("EXECUTION_DEVICES"))
        except RuntimeError as exc:
            reason = str(exc).strip().splitlines()[-1]
            there = ", ".join(core.available_devices) or "none"
            raise ModelUnavailable(
                f"device {device!r} cannot run {model_path}: {reason} (devices here: {there})"
            ) from exc
        self._chunk_patches = chunk_patches
        self._workers = ThreadPoolExecutor(self._requests.qsize(), thread_name_prefix="infer")

    @staticmethod
    def _make_requests(compiled: ov.CompiledModel) -> SimpleQueue[ov.InferRequest]:
        requests: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))):
            requests.put(compiled.create_infer_request())
        return requests

    def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the graph on chunks of bounded size, side by side. See `Engine.infer`."""
        chunks = [patches[start : start + self._chunk_patches] for start in range(0, len(patches), self._chunk_patches)]
        return np.concatenate(list(self._workers.map(self._infer_chunk, chunks)))

    def _infer_chunk(self, chunk: NDArray[np.uint8]) -> NDArray[np.float32]:
        request = self._requests.get()
        try:
            output = request.infer({self._input: np.ascontiguousarray(chunk)})[self._output]
            # the output's memory belongs to the request, which may run again as soon as it is put back
            probability = np.array(output, dtype=np.float32).reshape(-1)
        except RuntimeError as exc:
            raise EngineFailed(f"the device {self.device} failed: {str(exc).strip().splitlines()[-1]}") from exc
        finally:
            self._requests.put(request)
        if len(probability) != len(chunk):
            raise EngineFailed(f"the graph gave {len(probability)} results for {len(chunk)} patches")
        return probability

    def close(self) -> None:
        """Wait for what runs, then free the device."""
        self._workers.shutdown(wait=True)
