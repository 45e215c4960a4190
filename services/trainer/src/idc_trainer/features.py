"""Runs patches through a compiled graph: the frozen backbone while training, the whole classifier for its figures."""

from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_trainer.data import Progress

BATCH: Final = 16
"""Patches a request: more did not run faster on 2 cores."""

COMPILE_CONFIG: Final = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32"}
"""CPUs with bfloat16 would use it unasked and move pooled features by whole units: see docs/training.md."""


class GraphRunner:
    """A graph with one input `patch` on the CPU, fed with many requests at once."""

    def __init__(self, model: ov.Model) -> None:
        self._compiled = ov.Core().compile_model(model, "CPU", COMPILE_CONFIG)

    def run(self, patches: NDArray[np.uint8], progress: Progress, step: str = "running") -> NDArray[np.float32]:
        """Compute the graph's only output for all patches.

        Args:
            patches: RGB, uint8, shape (N, 50, 50, 3), values 0-255.
            progress: Told of each finished batch.
            step: What `progress` is told that this is.

        Returns:
            float32, the output's shape with N first, in the order of the patches.
        """
        shape = [dimension.get_length() for dimension in list(self._compiled.output(0).partial_shape)[1:]]
        out = np.empty((len(patches), *shape), np.float32)
        done = 0

        def store(request: Any, start: int) -> None:
            nonlocal done
            result = request.get_output_tensor(0).data
            out[start : start + len(result)] = result
            done += len(result)
            progress(step, done, len(patches))

        queue = ov.AsyncInferQueue(self._compiled)
        queue.set_callback(store)
        for start in range(0, len(patches), BATCH):
            queue.start_async({0: patches[start : start + BATCH]}, start)
        queue.wait_all()
        return out
