"""Compares exported graphs with Keras: a graph that differs must not be shipped."""

from collections.abc import Mapping
from typing import Final

import keras
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_modelio.graphs import FLOAT32, core
from idc_trainer.errors import ParityFailed

PATCHES: Final = 256
LIMIT: Final = 0.01
"""The largest allowed |dp|: a fifth of the narrowest margin that a person would act on, ten times FP16's rounding."""


def keras_probability(model: keras.Model, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """P(IDC) by Keras, in batches; uint8 [N, 50, 50, 3] RGB to float32 [N]."""
    parts = [np.asarray(model(patches[start : start + 64], training=False)) for start in range(0, len(patches), 64)]
    return np.concatenate(parts)


def graph_probability(graph: ov.Model, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """P(IDC) by a graph, one patch at a time for graphs of batch 1; uint8 [N, 50, 50, 3] RGB to float32 [N]."""
    compiled = core().compile_model(graph, "CPU", FLOAT32 | {"PERFORMANCE_HINT": "LATENCY"})
    return np.concatenate([np.array(compiled(patch[None])[0]) for patch in patches])


def largest_differences(
    model: keras.Model, graphs: Mapping[str, ov.Model], patches: NDArray[np.uint8]
) -> dict[str, float]:
    """The largest |dp| between Keras and each graph on patches, uint8 [N, 50, 50, 3] RGB, to two digits."""
    expected = keras_probability(model, patches)
    return {
        name: float(f"{np.abs(expected - graph_probability(graph, patches)).max():.2g}")
        for name, graph in graphs.items()
    }


def require_parity(differences: Mapping[str, float]) -> None:
    """Raise `ParityFailed` if a graph differs from Keras by more than LIMIT."""
    for name, found in differences.items():
        if not found <= LIMIT:
            raise ParityFailed(
                f"the {name} graph differs from Keras by {found:.4f} in P(IDC), allowed is {LIMIT}: no bundle was "
                "written; install the locked versions of TensorFlow, OpenVINO and ONNX"
            )
