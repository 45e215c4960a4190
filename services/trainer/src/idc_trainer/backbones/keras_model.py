"""Builds the Keras models: pixels -> pooled features, and pixels -> calibrated P(IDC). They are what is converted."""

from typing import Any

import keras
import numpy as np

from idc_trainer.backbones.efficientnet_lite0 import PIXEL_MEAN, PIXEL_SCALE, BackboneGraph, Block, Convolution
from idc_trainer.data.patches import PATCH
from idc_trainer.learning.head import LinearHead


def build_feature_model(backbone: BackboneGraph, input_px: int) -> keras.Model:
    """Build the model of pooled features.

    Args:
        backbone: The folded network.
        input_px: The side to which the graph resizes a patch (bilinear).

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to `features`, float32 [N, sum(backbone.stage_widths)].
    """
    patch = keras.Input((PATCH.height_px, PATCH.width_px, 3), dtype=PATCH.dtype, name="patch")
    return keras.Model(patch, _features(patch, backbone, input_px), name="features")


def build_classifier(backbone: BackboneGraph, input_px: int, head: LinearHead) -> keras.Model:
    """Build the whole classifier; `head` already holds the calibration.

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to `probability`, float32 [N], P(IDC).
    """
    patch = keras.Input((PATCH.height_px, PATCH.width_px, 3), dtype=PATCH.dtype, name="patch")
    dense = keras.layers.Dense(1, activation="sigmoid", name="head")
    column = dense(_features(patch, backbone, input_px))
    dense.set_weights([head.weight[:, None], np.array([head.bias], np.float32)])
    return keras.Model(patch, keras.layers.Reshape((), name="probability")(column), name="classifier")


def _features(patch: Any, backbone: BackboneGraph, input_px: int) -> Any:
    x = keras.layers.Rescaling(1.0, name="to_float")(patch)
    x = keras.layers.Resizing(input_px, input_px, interpolation="bilinear", name="resize")(x)
    x = keras.layers.Rescaling(1 / PIXEL_SCALE, -PIXEL_MEAN / PIXEL_SCALE, name="normalise")(x)
    pooled = []
    for block in backbone.blocks:
        x = _apply_block(x, block)
        if block.tap:
            pooled.append(keras.layers.GlobalAveragePooling2D(name=f"pool_{block.tap}")(x))
    return keras.layers.Concatenate(name="pooled")(pooled) if len(pooled) > 1 else pooled[0]


def _apply_block(x: Any, block: Block) -> Any:
    out = x
    for convolution in block.convolutions:
        out = _apply_convolution(out, convolution)
    if block.shortcut:
        out = keras.layers.Add(name=block.convolutions[-1].name + "_add")([out, x])
    return out


def _apply_convolution(x: Any, convolution: Convolution) -> Any:
    side, channels = convolution.kernel.shape[0], convolution.bias.size
    layer: Any
    if convolution.depthwise:
        layer = keras.layers.DepthwiseConv2D(side, convolution.stride, padding="same", name=convolution.name)
    else:
        layer = keras.layers.Conv2D(channels, side, convolution.stride, padding="same", name=convolution.name)
    out = layer(x)
    layer.set_weights([convolution.kernel, convolution.bias])
    return keras.layers.ReLU(6.0, name=convolution.name + "_relu6")(out) if convolution.relu6 else out
