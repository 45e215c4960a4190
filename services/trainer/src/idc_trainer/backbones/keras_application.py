"""A backbone made of a network of `keras.applications`: the same steps for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.imagenet_file import load_imagenet_weights


@dataclass(frozen=True)
class KerasApplication:
    """One network of `keras.applications` and where it is read."""

    name: str
    layers: Mapping[str, str]
    """The layer whose output each stage is."""
    make: Callable[[Any], keras.Model]
    """Builds the network without classifier and without weights on a tensor of pixels in the range that it wants."""
    pixel_scale: float
    pixel_offset: float
    """What the network wants: pixel * scale + offset, pixels 0-255."""
    weights_url: str
    weights_md5: str

    def build(self, input_px: int, stages: tuple[str, ...], weights: Path | None) -> BuiltBackbone:
        """Build it; see `Backbone.build`."""
        pixels = keras.Input((input_px, input_px, 3), name="pixels")
        scaled = keras.layers.Rescaling(self.pixel_scale, self.pixel_offset, name="scale")(pixels)
        whole = self.make(scaled)
        source, digest = load_imagenet_weights(whole, weights, self._download)
        maps = [whole.get_layer(self.layers[stage]).output for stage in stages]
        return BuiltBackbone(self.name, stages, input_px, keras.Model(pixels, maps, name=self.name), source, digest)

    def _download(self) -> str:
        path: str = keras.utils.get_file(
            self.weights_url.rsplit("/", 1)[1], self.weights_url, cache_subdir="models", file_hash=self.weights_md5
        )
        return path
