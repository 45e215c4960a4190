"""InceptionV3 (Szegedy et al. 2016, "Rethinking the Inception architecture"): the network of the 2018 system."""

from typing import Any, Final

import keras

from idc_trainer.backbones.base import Backbone
from idc_trainer.backbones.keras_application import KerasApplication


def _make(scaled: Any) -> keras.Model:
    return keras.applications.InceptionV3(include_top=False, weights=None, input_tensor=scaled)


_NETWORK: Final = KerasApplication(
    name="inception_v3",
    layers={"mixed2": "mixed2", "mixed7": "mixed7", "mixed10": "mixed10"},
    make=_make,
    pixel_scale=1 / 127.5,
    pixel_offset=-1.0,
    weights_url="https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    weights_md5="bcbd6486424b2319ff4ef7d526e38f63",
)

INCEPTION_V3: Final = Backbone(
    name=_NETWORK.name,
    stages=tuple(_NETWORK.layers),
    default_stages=("mixed2", "mixed7"),
    default_input_px=299,
    least_input_px=75,
    build=_NETWORK.build,
)
"""Stages: strides 8, 16 and 32 with 288, 768 and 2,048 channels."""
