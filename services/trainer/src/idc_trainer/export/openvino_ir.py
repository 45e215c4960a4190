"""Turns Keras models into OpenVINO graphs."""

import warnings
from pathlib import Path

import keras
import openvino as ov
import tensorflow as tf

from idc_trainer.data.patches import PATCH


def to_openvino(model: keras.Model, output: str) -> ov.Model:
    """Convert a Keras model whose only input is a patch.

    Args:
        model: From uint8 [N, 50, 50, 3] RGB.
        output: What the graph's output is called.

    Returns:
        A graph with the input `patch`, uint8 [N, 50, 50, 3], N free, all preprocessing inside.
    """
    signature = [tf.TensorSpec([None, PATCH.height_px, PATCH.width_px, 3], tf.uint8, name="patch")]
    traced = tf.function(lambda patch: model(patch, training=False), input_signature=signature)
    with warnings.catch_warnings():
        # Keras calls its input by a name and warns that a plain tensor has none.
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        graph = ov.convert_model(traced.get_concrete_function())
    # The resize layer leaves the batch's sides behind as outputs of their own.
    graph = ov.Model([graph.get_results()[0]], graph.get_parameters(), model.name)
    graph.input(0).get_tensor().set_names({"patch"})
    graph.output(0).get_tensor().set_names({output})
    return graph


def save_ir(graph: ov.Model, folder: Path) -> Path:
    """Write `model.xml` and `model.bin` with FP16 weights; returns the path of `model.xml`."""
    path = folder / "model.xml"
    ov.save_model(graph, path, compress_to_fp16=True)
    return path


def read_graph(path: Path) -> ov.Model:
    """Read an IR or ONNX file back."""
    return ov.Core().read_model(path)
