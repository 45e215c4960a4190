"""InceptionV3 (Szegedy et al. 2016, "Rethinking the Inception architecture"): the network of the 2018 system."""

from typing import Any, Final

import keras

from idc_trainer.backbones.keras_application import keras_backbone


def _make(scaled: Any) -> keras.Model:
    return keras.applications.InceptionV3(include_top=False, weights=None, input_tensor=scaled)


INCEPTION_V3: Final = keras_backbone(
    "inception_v3",
    make=_make,
    layers={"mixed2": "mixed2", "mixed7": "mixed7", "mixed10": "mixed10"},
    default_stages=("mixed2", "mixed7"),
    default_input_px=299,
    least_input_px=75,
    weights=(
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
)
"""Stages: strides 8, 16 and 32 with 288, 768 and 2,048 channels."""
