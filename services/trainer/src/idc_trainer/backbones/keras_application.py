"""Backbones made from networks of `keras.applications`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import keras

from idc_trainer.backbones.base import Backbone, BuiltBackbone
from idc_trainer.backbones.imagenet_file import load_imagenet_weights

_SCALE, _OFFSET = 1 / 127.5, -1.0  # these networks take pixels from -1 to 1
_DOWNLOADS: Final = "https://storage.googleapis.com/tensorflow/keras-applications/"


def keras_backbone(
    name: str,
    *,
    make: Callable[[Any], keras.Model],
    layers: Mapping[str, str],
    default_stages: tuple[str, ...],
    default_input_px: int,
    least_input_px: int,
    weights: tuple[str, str],
) -> Backbone:
    """Describe a network of `keras.applications`.

    Args:
        name: The backbone's name.
        make: Builds the network without classifier and weights on a tensor of pixels scaled to -1 to 1.
        layers: The layer at the end of each stage, from fine to coarse.
        default_stages: The stages that feed the head by default.
        default_input_px: The default side of the input.
        least_input_px: The smallest side of the input.
        weights: The path of the ImageNet weights on Keras's server, and their MD5.
    """

    def download() -> str:
        path, md5 = weights
        file: str = keras.utils.get_file(
            path.rpartition("/")[2], _DOWNLOADS + path, cache_subdir="models", file_hash=md5
        )
        return file

    def build(input_px: int, stages: tuple[str, ...], file: Path | None) -> BuiltBackbone:
        pixels = keras.Input((input_px, input_px, 3), name="pixels")
        whole = make(keras.layers.Rescaling(_SCALE, _OFFSET, name="scale")(pixels))
        source, digest = load_imagenet_weights(whole, file, download)
        maps = [whole.get_layer(layers[stage]).output for stage in stages]
        return BuiltBackbone(name, stages, input_px, keras.Model(pixels, maps, name=name), source, digest)

    return Backbone(name, tuple(layers), default_stages, default_input_px, least_input_px, build)
