"""All augmentations in their order, each switched by its own setting."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_trainer.augmentation.geometry import resample, rotate
from idc_trainer.augmentation.quality import blur_slightly, compress, pad_edge
from idc_trainer.augmentation.stain import jitter_light, jitter_stain


@dataclass(frozen=True)
class Augmentation:
    """How much of each; 0 switches one off. A share is that of the patches to which it is done."""

    stain: float = 0.3
    """Strength, see `stain.jitter_stain`."""
    light: float = 0.15
    """Strength, see `stain.jitter_light`."""
    resampled: float = 0.3
    """Share, see `geometry.resample`."""
    scale: float = 0.05
    """How much wider or narrower the field of a resampled patch becomes."""
    blurred: float = 0.2
    """Share, see `quality.blur_slightly`."""
    compressed: float = 0.3
    """Share, see `quality.compress`."""
    padded: float = 0.1
    """Share, see `quality.pad_edge`."""


def augment(patch: NDArray[np.uint8], settings: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Rotate a patch at random, then do what the settings say.

    Args:
        patch: RGB, uint8, shape (side, side, 3), values 0-255.
        settings: What is done, how much and how often.
        rng: The source of randomness; the same state gives the same patch.

    Returns:
        A patch of the same shape, dtype and range.
    """
    if rng.random() < settings.padded:
        patch = pad_edge(patch, rng)
    patch = rotate(patch, rng)
    if settings.stain:
        patch = jitter_stain(patch, settings.stain, rng)
    if settings.light:
        patch = jitter_light(patch, settings.light, rng)
    if rng.random() < settings.resampled:
        patch = resample(patch, settings.scale, rng)
    if rng.random() < settings.blurred:
        patch = blur_slightly(patch, rng)
    if rng.random() < settings.compressed:
        patch = compress(patch, rng)
    return patch
