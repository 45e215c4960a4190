"""MobileNetV3-Small (Howard et al. 2019, "Searching for MobileNetV3"): the cheapest network here."""

from typing import Any, Final

import keras

from idc_trainer.backbones.base import Backbone
from idc_trainer.backbones.keras_application import KerasApplication


def _make(scaled: Any) -> keras.Model:
    return keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_tensor=scaled, include_preprocessing=False
    )


_NETWORK: Final = KerasApplication(
    name="mobilenet_v3_small",
    layers={
        "stride8": "expanded_conv_2_add",
        "stride16": "expanded_conv_7_add",
        "stride32": "expanded_conv_10_add",
    },
    make=_make,
    pixel_scale=1 / 127.5,
    pixel_offset=-1.0,
    weights_url="https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v3/"
    "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    weights_md5="d3e8ec802a04aa4fc771ee12a9a9b836",
)

MOBILENET_V3_SMALL: Final = Backbone(
    name=_NETWORK.name,
    stages=tuple(_NETWORK.layers),
    default_stages=("stride8", "stride16"),
    default_input_px=160,
    least_input_px=32,
    build=_NETWORK.build,
)
"""Stages: 24, 48 and 96 channels."""
