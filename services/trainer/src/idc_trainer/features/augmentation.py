"""Augmentation of training patches: stain jitter, rotation and mirroring.

The stain jitter follows Tellez et al. 2018, "Whole-slide mitosis detection in H&E breast histology using PHH3 as a
reference to train distilled stain-invariant convolutional networks": optical density is unmixed into haematoxylin,
eosin and a residual, each is scaled and shifted at random, and mixed again.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Optical density of haematoxylin, eosin and DAB in RGB (Ruifrok & Johnston 2001, as in skimage.color.hed_from_rgb).
_STAINS_RGB: Final = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], np.float32)
_MIX: Final = _STAINS_RGB / np.linalg.norm(_STAINS_RGB, axis=1, keepdims=True)
_UNMIX: Final = np.linalg.inv(_MIX).astype(np.float32)


def jitter_stain(
    patch: NDArray[np.uint8], strength: float, rng: np.random.Generator, shift: float = 0.1
) -> NDArray[np.uint8]:
    """Scale and shift each stain at random.

    Args:
        patch: RGB, uint8, shape (height, width, 3), values 0-255.
        strength: Each stain is multiplied by a uniform number from 1 - strength to 1 + strength.
        rng: The source of randomness.
        shift: A uniform number from -shift * strength to shift * strength is added to each stain's optical density.

    Returns:
        A patch of the same shape, dtype and range.
    """
    factors = rng.uniform(1 - strength, 1 + strength, 3).astype(np.float32)
    shifts = rng.uniform(-shift * strength, shift * strength, 3).astype(np.float32)
    density = -np.log((patch.reshape(-1, 3).astype(np.float32) + 1) / 256)
    stains = density @ _UNMIX * factors + shifts
    rgb = np.exp(-(stains @ _MIX)) * 256 - 1
    jittered: NDArray[np.uint8] = np.clip(np.rint(rgb), 0, 255).astype(np.uint8).reshape(patch.shape)
    return jittered


def rotate(patch: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Rotate a square patch by random quarter turns and mirror half of all patches.

    Args:
        patch: RGB, uint8, shape (side, side, 3), values 0-255.
        rng: The source of randomness.
    """
    rotated = np.rot90(patch, int(rng.integers(4)))
    return np.ascontiguousarray(rotated[:, ::-1] if rng.integers(2) else rotated)
