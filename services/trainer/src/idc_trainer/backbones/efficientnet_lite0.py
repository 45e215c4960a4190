"""EfficientNet-Lite0, built from plain numbers.

The network is MobileNetV2's inverted bottleneck with EfficientNet-B0's sizes (Tan & Le 2019), without squeeze and
excitation and with ReLU6 for swish (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
Batch normalisation is folded into the convolution before it: at inference both are one linear map, and a folded
network is exported exactly as it was trained. The folded numbers are rounded to float16 at once, so that the FP16
graph that is served computes the very features that the head was trained on.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from idc_trainer.backbones.base import Backbone, BuiltBackbone
from idc_trainer.backbones.keras_blocks import Block, Convolution, apply_block
from idc_trainer.backbones.torch_weights import WEIGHTS_SHA256, WEIGHTS_SOURCE, default_weights_path, read_weights
from idc_trainer.float16 import round_to_float16

_BATCH_NORM_EPSILON: Final = 1e-3
_PIXEL_MEAN: Final = 127.0
_PIXEL_SCALE: Final = 128.0
# Pixels are (pixel - mean) / scale, RGB, 0-255: MEAN_RGB and STDDEV_RGB of the Lite builder in the source above.

_STAGES: Final = {
    "stage2": (1, 1, False),
    "stage3": (2, 2, True),
    "stage4": (2, 2, True),
    "stage5": (3, 2, True),
    "stage6": (3, 1, True),
    "stage7": (4, 2, True),
    "stage8": (1, 1, True),
}
"""Repeats, stride of the first and whether blocks expand, by the numbers of Tan & Le 2019, table 1."""


def _build(input_px: int, stages: tuple[str, ...], weights: Path | None) -> BuiltBackbone:
    numbers = read_weights(weights or default_weights_path())
    pixels = keras.Input((input_px, input_px, 3), name="pixels")
    x = keras.layers.Rescaling(1 / _PIXEL_SCALE, -_PIXEL_MEAN / _PIXEL_SCALE, name="scale")(pixels)
    maps = []
    for block, stage in _blocks(numbers, stages[-1]):
        x = apply_block(x, block)
        if stage in stages:
            maps.append(x)
    model = keras.Model(pixels, maps, name="efficientnet_lite0")
    return BuiltBackbone(model.name, stages, input_px, model, WEIGHTS_SOURCE, WEIGHTS_SHA256)


def _blocks(weights: Mapping[str, NDArray[Any]], last: str) -> list[tuple[Block, str | None]]:
    """The blocks from the pixels to the end of stage `last`, each with the stage that it ends, if it ends one."""
    stem = _fold(weights, "_conv_stem", "_bn0", stride=2, relu6=True)
    blocks: list[tuple[Block, str | None]] = [(Block((stem,), shortcut=False), None)]
    for stage, (repeats, stride, expand) in _STAGES.items():
        for repeat in range(repeats):
            prefix = f"_blocks.{len(blocks) - 1}."
            convolutions = _block_convolutions(weights, prefix, 1 if repeat else stride, expand=expand)
            blocks.append((Block(convolutions, repeat > 0), stage if repeat == repeats - 1 else None))
        if stage == last:
            break
    return blocks


def _block_convolutions(
    weights: Mapping[str, NDArray[Any]], prefix: str, stride: int, *, expand: bool
) -> tuple[Convolution, ...]:
    expansion = (_fold(weights, prefix + "_expand_conv", prefix + "_bn0", relu6=True),) if expand else ()
    depthwise = _fold(weights, prefix + "_depthwise_conv", prefix + "_bn1", stride=stride, relu6=True)
    projection = _fold(weights, prefix + "_project_conv", prefix + "_bn2", relu6=False)
    return (*expansion, depthwise, projection)


def _fold(
    weights: Mapping[str, NDArray[Any]], convolution: str, batch_norm: str, *, stride: int = 1, relu6: bool
) -> Convolution:
    gain = weights[batch_norm + ".weight"] / np.sqrt(weights[batch_norm + ".running_var"] + _BATCH_NORM_EPSILON)
    bias = weights[batch_norm + ".bias"] - weights[batch_norm + ".running_mean"] * gain
    depthwise = convolution.endswith("_depthwise_conv")
    kernel = weights[convolution + ".weight"] * gain[:, None, None, None]
    kernel = kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    name = convolution.replace(".", "_").strip("_")
    return Convolution(name, round_to_float16(kernel), round_to_float16(bias), stride, depthwise, relu6)


EFFICIENTNET_LITE0: Final = Backbone(
    name="efficientnet_lite0",
    stages=tuple(_STAGES)[1:],
    default_stages=("stage3", "stage4", "stage5", "stage6"),
    default_input_px=160,
    least_input_px=32,
    build=_build,
)
"""Stages: strides 4, 8, 16, 16, 32, 32 with 24, 40, 80, 112, 192, 320 channels."""
