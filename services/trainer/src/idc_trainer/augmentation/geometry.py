"""Rotation, and the sampling grid: the same tissue cut at a slightly other scale and by another kernel."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KERNELS: Final = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.HAMMING,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
"""The antialiased kernels."""
_MARGIN_PX: Final = 4


def rotate(patch: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Rotate a square patch by random quarter turns and mirror half of all patches.

    Args:
        patch: RGB, uint8, shape (side, side, 3), values 0-255.
        rng: The source of randomness.
    """
    rotated = np.rot90(patch, int(rng.integers(4)))
    return np.ascontiguousarray(rotated[:, ::-1] if rng.integers(2) else rotated)


def resample(patch: NDArray[np.uint8], scale: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut the patch again at another scale and through another grid of pixels, by random kernels.

    Resampling by another kernel moved P(IDC) by 0.045 on average, and without antialiasing by 0.14.

    Args:
        patch: RGB, uint8, shape (side, side, 3), values 0-255.
        scale: The field becomes a uniform number from 1 - scale to 1 + scale times as wide, at a random place; what
            lies outside of the patch is mirrored.
        rng: The source of randomness.
    """
    side = len(patch)
    framed = Image.fromarray(np.pad(patch, ((_MARGIN_PX,) * 2, (_MARGIN_PX,) * 2, (0, 0)), mode="reflect"))
    width = side * float(rng.uniform(1 - scale, 1 + scale))
    slack = abs(side - width) / 2
    left, top = (_MARGIN_PX + (side - width) / 2 + rng.uniform(-slack, slack, 2)).tolist()
    grid = int(rng.integers(round(0.9 * side), 2 * side + 1))
    kernel = _any_kernel(rng) if rng.random() < 0.9 else Image.Resampling.NEAREST
    through = framed.resize((grid, grid), kernel, box=(left, top, left + width, top + width))
    return np.asarray(through.resize((side, side), _any_kernel(rng)))


def _any_kernel(rng: np.random.Generator) -> Image.Resampling:
    return KERNELS[int(rng.integers(len(KERNELS)))]
