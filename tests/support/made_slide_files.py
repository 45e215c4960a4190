"""Small slides of two kinds of tissue on glass, for the made-up model: the redder a patch, the higher P(IDC)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from support.slide_files import write_slide

PATCH_PX = 50
GLASS = (243, 242, 244)
TISSUE = (45, 20, 75)
"""P(IDC) 0.18, which is `no_idc`."""
LESION = (220, 120, 160)
"""P(IDC) 0.86, which is `idc`."""


def made_pixels(columns: int = 24, rows: int = 20, lesion: int = 8) -> NDArray[np.uint8]:
    """RGB at 4.0 um/px: tissue with glass of two cells around it, and a square of `lesion` cells a side in it."""
    cells = np.full((rows, columns, 3), GLASS, np.float64)
    cells[2:-2, 2:-2] = TISSUE
    cells[4 : 4 + lesion, 4 : 4 + lesion] = LESION
    pixels = cells.repeat(PATCH_PX, axis=0).repeat(PATCH_PX, axis=1)
    is_tissue = (pixels != GLASS).any(axis=2)
    noise = np.random.default_rng(5).normal(0, 12, pixels.shape[:2])
    pixels[is_tissue] += noise[is_tissue][:, None]
    return pixels.clip(0, 255).astype(np.uint8)


def write_made_slide(path: Path, *, enlarged_by: int = 2, columns: int = 24, rows: int = 20, lesion: int = 8) -> Path:
    """Write such a slide as a tiled pyramidal TIFF, at 4.0 um/px divided by `enlarged_by`."""
    return write_slide(path, made_pixels(columns, rows, lesion), enlarged_by=enlarged_by)
