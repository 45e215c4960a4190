"""Runs patches through a compiled graph: the frozen backbone in training, the classifier in evaluation."""

from collections import deque
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_trainer.data.decoding import decoded_ahead, ranges
from idc_trainer.data.index import PatchIndex
from idc_trainer.progress import Progress

BATCH: Final = 16
"""Patches per request; more did not run faster on 2 cores."""

_BLOCK: Final = 1024

COMPILE_CONFIG: Final = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
"""OpenVINO uses bfloat16 by default where the CPU has it, which changes features by whole units: docs/training.md."""


def read_graph(path: Path) -> ov.Model:
    return ov.Core().read_model(path)


class GraphRunner:
    """A graph with one input `patch` on the CPU, with concurrent requests."""

    def __init__(self, model: ov.Model) -> None:
        self._compiled = ov.Core().compile_model(model, "CPU", COMPILE_CONFIG)
        # One more than run concurrently, so that the next is ready when one is done.
        self._request_count = self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") + 1

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the output for one patch."""
        return tuple(dimension.get_length() for dimension in list(self._compiled.output(0).partial_shape)[1:])

    def run(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the graph's only output for all patches.

        Args:
            patches: RGB, uint8, shape (N, 50, 50, 3), values 0-255.

        Returns:
            float32, the output's shape with N first, in the order of the patches.
        """
        out = np.empty((len(patches), *self.output_shape), np.float32)
        requests = [self._compiled.create_infer_request() for _ in range(self._request_count)]
        # Requests are awaited in the order of their start and no Python runs on OpenVINO's threads: callbacks
        # (AsyncInferQueue) need the interpreter's lock there and can wait for each other without end.
        started: deque[tuple[ov.InferRequest, int]] = deque()
        for start in range(0, len(patches), BATCH):
            request = requests.pop() if requests else self._finish(*started.popleft(), out)
            request.start_async({0: patches[start : start + BATCH]})
            started.append((request, start))
        for request, start in started:
            self._finish(request, start, out)
        return out

    def run_all(
        self, index: PatchIndex, progress: Progress = lambda *_: None, step: str = "scoring"
    ) -> NDArray[np.float32]:
        """Compute the output for all patches of an index; two blocks are in memory at a time.

        Raises:
            DataUnreadable: A file was changed since it was indexed.
        """
        out = np.empty((len(index), *self.output_shape), np.float32)
        blocks = ranges(len(index), _BLOCK)
        for rows, patches in zip(blocks, decoded_ahead(blocks, index.decode), strict=True):
            out[rows.start : rows.stop] = self.run(patches)
            progress(step, rows.stop, len(index))
        return out

    @staticmethod
    def _finish(request: ov.InferRequest, start: int, out: NDArray[np.float32]) -> ov.InferRequest:
        """Wait for a request, store its result and return the request for the next batch."""
        request.wait()
        result = request.get_output_tensor(0).data
        out[start : start + len(result)] = result
        return request
