"""Stain jitter: optical density is unmixed into haematoxylin, eosin and a residual, and mixed again in other amounts.

Tellez et al. 2018, "Whole-slide mitosis detection in H&E breast histology using PHH3 as a reference to train distilled
stain-invariant convolutional networks".
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Optical density of haematoxylin, eosin and DAB in RGB (Ruifrok & Johnston 2001, as in skimage.color.hed_from_rgb).
_STAINS_RGB: Final = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], np.float32)
DYES: Final = _STAINS_RGB / np.linalg.norm(_STAINS_RGB, axis=1, keepdims=True)
"""The optical density of one unit of haematoxylin, eosin and DAB in red, green and blue, float32, shape (3, 3)."""
_UNMIX: Final = np.linalg.inv(DYES).astype(np.float32)


def unmix(patch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The amount of each of the three dyes in each pixel.

    Args:
        patch: RGB, uint8, shape (height, width, 3), values 0-255.

    Returns:
        float32, shape (height * width, 3); negative where the colour cannot be mixed from the dyes.
    """
    density = -np.log((patch.reshape(-1, 3).astype(np.float32) + 1) / 256)
    amounts: NDArray[np.float32] = density @ _UNMIX
    return amounts


def mix(amounts: NDArray[np.float32], dyes: NDArray[np.float32], side_px: int) -> NDArray[np.uint8]:
    """The square patch of some amounts of dyes: RGB, uint8, shape (side_px, side_px, 3); the inverse of `unmix`."""
    rgb = np.exp(-(amounts @ dyes)) * 256 - 1
    pixels: NDArray[np.uint8] = np.clip(np.rint(rgb), 0, 255).astype(np.uint8).reshape(side_px, side_px, 3)
    return pixels


def jitter_stain(
    patch: NDArray[np.uint8], strength: float, rng: np.random.Generator, shift: float = 0.4
) -> NDArray[np.uint8]:
    """Scale and shift each stain at random.

    Args:
        patch: RGB, uint8, shape (side, side, 3), values 0-255.
        strength: Each stain is multiplied by a uniform number from 1 - strength to 1 + strength.
        rng: The source of randomness.
        shift: A uniform number from -shift * strength to shift * strength is added to each stain's optical density.

    Returns:
        A patch of the same shape, dtype and range.
    """
    factors = rng.uniform(1 - strength, 1 + strength, 3).astype(np.float32)
    shifts = rng.uniform(-shift * strength, shift * strength, 3).astype(np.float32)
    return mix(unmix(patch) * factors + shifts, DYES, len(patch))


def jitter_light(patch: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change contrast and brightness at random, as lamps and white balances differ.

    Args:
        patch: RGB, uint8, shape (side, side, 3), values 0-255.
        strength: Contrast is multiplied by a uniform number from 1 - strength to 1 + strength; brightness moves by at
            most 60 * strength.
        rng: The source of randomness.
    """
    contrast, offset = rng.uniform(1 - strength, 1 + strength), rng.uniform(-strength, strength) * 60
    mean = patch.mean()
    changed = (patch.astype(np.float32) - mean) * contrast + mean + offset
    lit: NDArray[np.uint8] = np.clip(changed, 0, 255).astype(np.uint8)
    return lit
