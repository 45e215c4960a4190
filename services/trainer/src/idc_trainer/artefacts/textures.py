"""Random fields that artefacts are painted with."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc_contracts.bundle import PATCH

SIDE_PX: Final = PATCH.height_px

Patch = NDArray[np.uint8]
"""RGB, uint8, shape (50, 50, 3), values 0-255."""


def smooth_field(rng: np.random.Generator, deviation: float, cells: int | None = None) -> NDArray[np.float32]:
    """A smooth random field, float32, shape (50, 50), with about that standard deviation; fewer cells are smoother."""
    cells = cells or int(rng.integers(2, 12))
    coarse = rng.normal(0, deviation, (cells, cells)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))


def grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The row and the column of each pixel, float32, shape (50, 50) each."""
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    return rows, columns


def across(rng: np.random.Generator, waviness_px: float) -> NDArray[np.float32]:
    """Each pixel's distance in px from a wavy line through the middle in a random direction, shape (50, 50)."""
    rows, columns = grid()
    angle = float(rng.uniform(0, np.pi))
    middle = SIDE_PX / 2
    straight = (columns - middle) * np.float32(np.cos(angle)) + (rows - middle) * np.float32(np.sin(angle))
    wavy: NDArray[np.float32] = straight + smooth_field(rng, waviness_px)
    return wavy


def to_pixels(values: NDArray[np.floating]) -> Patch:
    pixels: Patch = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels
