"""The Keras models around a backbone: patch -> pooled features, and patch -> calibrated P(IDC)."""

from typing import Any

import keras
import numpy as np

from idc_contracts.bundle import PATCH
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.learning.head import LinearHead


def build_feature_model(backbone: BuiltBackbone) -> keras.Model:
    """Build the model of pooled features.

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to `features`, float32 [N, sum(backbone.stage_widths)]:
        the global average of each stage. The graph resizes a patch to the backbone's side (bilinear).
    """
    patch = keras.Input((PATCH.height_px, PATCH.width_px, 3), dtype=PATCH.dtype, name="patch")
    return keras.Model(patch, pooled_features(_resized(patch, backbone.input_px), backbone), name="features")


def build_classifier(backbone: BuiltBackbone, head: LinearHead) -> keras.Model:
    """Build the classifier; `head` includes the calibration.

    Returns:
        A model from `patch`, uint8 [N, 50, 50, 3] RGB 0-255, to `probability`, float32 [N], P(IDC).
    """
    patch = keras.Input((PATCH.height_px, PATCH.width_px, 3), dtype=PATCH.dtype, name="patch")
    dense = keras.layers.Dense(1, activation="sigmoid", name="head", dtype="float32")
    column = dense(pooled_features(_resized(patch, backbone.input_px), backbone))
    dense.set_weights([head.weight[:, None], np.array([head.bias], np.float32)])
    return keras.Model(patch, keras.layers.Reshape((), name="probability")(column), name="classifier")


def pooled_features(pixels: Any, backbone: BuiltBackbone) -> Any:
    """The concatenated global averages of a backbone's stages, of a tensor of pixels at the backbone's side."""
    maps = backbone.model(pixels)
    maps = maps if isinstance(maps, list) else [maps]
    pool = keras.layers.GlobalAveragePooling2D
    pooled = [pool(name=f"pool_{stage}")(x) for stage, x in zip(backbone.stages, maps, strict=True)]
    return keras.layers.Concatenate(name="pooled")(pooled) if len(pooled) > 1 else pooled[0]


def _resized(patch: Any, input_px: int) -> Any:
    x = keras.layers.Rescaling(1.0, name="to_float")(patch)
    return keras.layers.Resizing(input_px, input_px, interpolation="bilinear", name="resize")(x)
