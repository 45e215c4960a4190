"""Runs patches through a compiled graph: the frozen backbone in training, the classifier in evaluation."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_modelio.graphs import Graph, core
from idc_modelio.outputs import Outputs
from idc_trainer.data.decoding import decoded_ahead, ranges
from idc_trainer.data.index import PatchIndex
from idc_trainer.progress import Progress

BATCH: Final = 16
"""Patches per request; more did not run faster on 2 cores."""

_BLOCK: Final = 1024


def read_graph(path: Path) -> ov.Model:
    return core().read_model(path)


class GraphRunner:
    """A graph with one input `patch` on the CPU, run by as many threads as keep it busy."""

    def __init__(self, model: ov.Model) -> None:
        self._graph = Graph(model)
        self._first = next(iter(self._graph.output_shapes))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the first output for one patch."""
        return self._graph.output_shapes[self._first]

    def run(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute the graph's first output for all patches.

        Args:
            patches: RGB, uint8, shape (N, 50, 50, 3), values 0-255.

        Returns:
            float32, the output's shape with N first, in the order of the patches.
        """
        return self.run_outputs(patches)[self._first]

    def run_outputs(self, patches: NDArray[np.uint8]) -> Outputs:
        """Compute each output of the graph for all patches, in their order; see `run`."""
        shapes = self._graph.output_shapes.items()
        outputs = {name: np.empty((len(patches), *shape), np.float32) for name, shape in shapes}

        def run_batch(start: int) -> None:
            for name, values in self._graph.infer(patches[start : start + BATCH]).items():
                outputs[name][start : start + BATCH] = values

        with ThreadPoolExecutor(self._graph.slots) as threads:
            list(threads.map(run_batch, range(0, len(patches), BATCH)))
        return outputs

    def run_all(
        self, index: PatchIndex, progress: Progress = lambda *_: None, step: str = "scoring"
    ) -> NDArray[np.float32]:
        """Compute the first output for all patches of an index; two blocks are in memory at a time.

        Raises:
            DataUnreadable: A file was changed since it was indexed.
        """
        out = np.empty((len(index), *self.output_shape), np.float32)
        blocks = ranges(len(index), _BLOCK)
        for rows, patches in zip(blocks, decoded_ahead(blocks, index.decode), strict=True):
            out[rows.start : rows.stop] = self.run(patches)
            progress(step, rows.stop, len(index))
        return out
