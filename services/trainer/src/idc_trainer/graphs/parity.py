"""Compares exported graphs with Keras: a graph that differs must not be shipped."""

from collections.abc import Mapping
from typing import Final

import keras
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_modelio.bundles import largest_difference
from idc_modelio.graphs import FLOAT32, core
from idc_modelio.outputs import Outputs
from idc_trainer.errors import ParityFailed

PATCHES: Final = 256
LIMIT: Final = 0.01
"""The largest allowed difference of an output: a fifth of the narrowest margin that a person would act on."""


def keras_outputs(model: keras.Model, patches: NDArray[np.uint8]) -> Outputs:
    """A model's outputs by Keras, in batches; uint8 [N, 50, 50, 3] RGB to float32 [N] each."""
    parts = [model(patches[start : start + 64], training=False) for start in range(0, len(patches), 64)]
    return {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}


def graph_outputs(graph: ov.Model, patches: NDArray[np.uint8]) -> Outputs:
    """A graph's outputs, one patch at a time for graphs of batch 1; uint8 [N, 50, 50, 3] RGB to float32 [N] each."""
    compiled = core().compile_model(graph, "CPU", FLOAT32 | {"PERFORMANCE_HINT": "LATENCY"})
    outputs = [compiled(patch[None]) for patch in patches]
    return {
        output.get_any_name(): np.concatenate([np.array(one[output]).reshape(1) for one in outputs])
        for output in compiled.outputs
    }


def largest_differences(
    model: keras.Model, graphs: Mapping[str, ov.Model], patches: NDArray[np.uint8]
) -> dict[str, float]:
    """The largest difference of any output between Keras and each graph on patches, to two digits.

    Differences of `distance` are relative to it, where it is above 1.0.
    """
    expected = keras_outputs(model, patches)
    return {name: _largest(expected, graph_outputs(graph, patches)) for name, graph in graphs.items()}


def require_parity(differences: Mapping[str, float]) -> None:
    """Raise `ParityFailed` if a graph differs from Keras by more than LIMIT."""
    for name, found in differences.items():
        if not found <= LIMIT:
            raise ParityFailed(
                f"the {name} graph differs from Keras by {found:.4f} in an output, allowed is {LIMIT}: no bundle was "
                "written; install the locked versions of TensorFlow, OpenVINO and ONNX"
            )


def _largest(expected: Outputs, found: Outputs) -> float:
    gaps = [largest_difference(found[name], values) for name, values in expected.items()]
    return float(f"{np.max(gaps):.2g}")
