"""The interface of backbones: a Keras model from pixels to the feature maps of its stages."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np


@dataclass(frozen=True)
class BuiltBackbone:
    """A pretrained network, cut after the last stage in use."""

    name: str
    stages: tuple[str, ...]
    """The stages in use, from fine to coarse."""
    input_px: int
    """The side of its input images."""
    model: keras.Model
    """From float32 [N, input_px, input_px, 3], RGB, 0-255, to a list of feature maps, one for each of `stages`."""
    weights_source: str
    """The package or file of the weights."""
    weights_sha256: str
    """Digest of that file, 64 hexadecimal digits."""
    fine_tuned_from: str | None = None
    """The first stage that was trained on histology, if any."""

    def digest(self) -> str:
        """SHA-256 over all that determines the pooled features, 64 hexadecimal digits."""
        described = hashlib.sha256(repr((self.name, self.stages, self.input_px)).encode())
        for weights in self.model.get_weights():
            described.update(np.ascontiguousarray(weights).tobytes())
        return described.hexdigest()

    @property
    def stage_widths(self) -> tuple[int, ...]:
        """The number of channels of each of `stages`."""
        return tuple(int(feature_map.shape[-1]) for feature_map in self.model.outputs)


@dataclass(frozen=True)
class Backbone:
    """A kind of network, without weights. To add one, see docs/how-to/backbones.md."""

    name: str
    stages: tuple[str, ...]
    """Where the network can be cut, from fine to coarse."""
    default_stages: tuple[str, ...]
    """The stages that feed the head by default."""
    default_input_px: int
    least_input_px: int
    build: Callable[[int, tuple[str, ...], Path | None], BuiltBackbone]
    """Builds it for an input side, stages and a file of weights (None: the default ones).

    Raises `WeightsMissing` or `WeightsChanged`.
    """
