"""Converts Keras models to OpenVINO and ONNX graphs."""

import errno
import shutil
import warnings
from pathlib import Path
from typing import Any, Final

import keras
import openvino as ov
import tensorflow as tf
import tf2onnx

from idc_contracts.bundle import PATCH
from idc_trainer.errors import output_error

_OPERATOR_SET: Final = 13
"""The newest that OpenVINO 2021.4, the Neural Compute Stick's last, reads."""

_FULL_BYTES: Final = 65_536
"""A disk with less free space is taken as full."""


def to_openvino(model: keras.Model) -> ov.Model:
    """Convert a Keras model from a patch to named outputs.

    Args:
        model: From uint8 [N, 50, 50, 3] RGB to a dict of outputs.

    Returns:
        A graph with the input `patch`, uint8 [N, 50, 50, 3], N dynamic, and all preprocessing inside; its outputs have
        the names of the model's and are sorted by them.
    """
    traced, _ = _trace(model, None)
    # By default a graph reads biases from the model's own memory, and garbage once the model is gone.
    graph = ov.convert_model(traced.get_concrete_function(), share_weights=False)
    names = sorted(model.output)
    # The resize layer leaves the sides of the batch as additional outputs.
    graph = ov.Model(graph.get_results()[: len(names)], graph.get_parameters(), model.name)
    graph.input(0).get_tensor().set_names({"patch"})
    for output, name in zip(graph.outputs, names, strict=True):
        output.get_tensor().set_names({name})
    return graph


def save_onnx(model: keras.Model, path: Path) -> None:
    """Convert a Keras model to ONNX with a batch of 1, for the Neural Compute Stick.

    Args:
        model: From uint8 [N, 50, 50, 3] RGB to a dict of outputs.
        path: The `.onnx` file: `patch`, uint8 [1, 50, 50, 3] RGB, to outputs of the model's names.
    """
    traced, signature = _trace(model, 1)
    graph, _ = tf2onnx.convert.from_function(traced, input_signature=signature, opset=_OPERATOR_SET)
    path.write_bytes(graph.SerializeToString(deterministic=True))


def save_ir(graph: ov.Model, folder: Path, *, fp16: bool = True) -> Path:
    """Write `model.xml` and `model.bin`, by default with FP16 weights; returns the path of `model.xml`.

    Raises:
        OutputUnwritable, OutputFull: The files cannot be written.
    """
    path = folder / "model.xml"
    try:
        folder.mkdir(exist_ok=True)
        ov.save_model(graph, path, compress_to_fp16=fp16)
    except OSError as exc:
        raise output_error(folder, exc) from exc
    except RuntimeError as exc:  # OpenVINO does not give the reason
        full = shutil.disk_usage(folder).free < _FULL_BYTES
        raise output_error(
            folder, OSError(errno.ENOSPC if full else errno.EIO, str(exc).strip().splitlines()[-1])
        ) from exc
    return path


def _trace(model: keras.Model, batch: int | None) -> tuple[Any, list[Any]]:
    signature = [tf.TensorSpec([batch, PATCH.height_px, PATCH.width_px, 3], tf.uint8, name="patch")]
    traced = tf.function(lambda patch: model(patch, training=False), input_signature=signature)
    with warnings.catch_warnings():
        # Keras names its input and warns that a plain tensor has no name.
        warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
        traced.get_concrete_function()
    return traced, signature
