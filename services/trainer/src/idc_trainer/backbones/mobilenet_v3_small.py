"""MobileNetV3-Small (Howard et al. 2019, "Searching for MobileNetV3"): the cheapest network here."""

from typing import Any, Final

import keras

from idc_trainer.backbones.keras_application import keras_backbone


def _make(scaled: Any) -> keras.Model:
    return keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_tensor=scaled, include_preprocessing=False
    )


MOBILENET_V3_SMALL: Final = keras_backbone(
    "mobilenet_v3_small",
    make=_make,
    layers={
        "stride8": "expanded_conv_2_add",
        "stride16": "expanded_conv_7_add",
        "stride32": "expanded_conv_10_add",
    },
    default_stages=("stride8", "stride16"),
    default_input_px=160,
    least_input_px=32,
    weights=(
        "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
        "d3e8ec802a04aa4fc771ee12a9a9b836",
    ),
)
"""Stages: 24, 48 and 96 channels."""
