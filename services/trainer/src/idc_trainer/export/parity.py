"""Compares what the exported graphs say with what Keras says, before a bundle may be written."""

from typing import Final

import keras
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from idc_contracts.bundle import Parity
from idc_trainer.data.patches import Progress
from idc_trainer.errors import ParityFailed
from idc_trainer.features.runner import GraphRunner

PATCHES: Final = 256
LIMIT: Final = 0.01
"""Largest |dp| that passes: a fifth of the narrowest margin that a person would act on, ten times FP16's rounding."""


def keras_probability(model: keras.Model, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """P(IDC) by Keras, in batches; uint8 [N, 50, 50, 3] RGB to float32 [N]."""
    parts = [np.asarray(model(patches[start : start + 64], training=False)) for start in range(0, len(patches), 64)]
    return np.concatenate(parts)


def onnx_probability(graph: ov.Model, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
    """P(IDC) by the batch-1 ONNX graph through OpenVINO's reader; uint8 [N, 50, 50, 3] RGB to float32 [N]."""
    compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.concatenate([np.array(compiled(patch[None])[0]) for patch in patches])


def check_parity(
    model: keras.Model, runner: GraphRunner, onnx_graph: ov.Model, patches: NDArray[np.uint8], progress: Progress
) -> Parity:
    """Compare all three on the same patches, uint8 [N, 50, 50, 3] RGB.

    Raises:
        ParityFailed: A graph strays from Keras by more than LIMIT.
    """
    expected = keras_probability(model, patches)
    parity = Parity(
        patches=len(patches),
        max_dp_openvino=_largest(expected, runner.run(patches, progress, "comparing with Keras")),
        max_dp_onnx=_largest(expected, onnx_probability(onnx_graph, patches)),
    )
    for name, found in (("OpenVINO", parity.max_dp_openvino), ("ONNX", parity.max_dp_onnx)):
        if not found <= LIMIT:
            raise ParityFailed(
                f"the {name} graph strays from Keras by {found:.4f} in P(IDC), allowed is {LIMIT}: no bundle was "
                "written; install the locked versions of TensorFlow, OpenVINO and ONNX"
            )
    return parity


def _largest(expected: NDArray[np.float32], found: NDArray[np.float32]) -> float:
    return float(f"{np.abs(expected - found).max():.2g}")
