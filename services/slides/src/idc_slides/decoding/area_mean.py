"""The kernel that brings a level to the screened scale."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

KERNEL: Final = "box"
"""Pillow's BOX: the plain mean of the pixels whose centres lie in the area. A pyramid's levels are such means too, so
that reading a coarser level changes little, and at whole factors it is exact."""


def area_mean(
    pixels: NDArray[np.uint8], left_px: float, top_px: float, factor: float, size_px: tuple[int, int]
) -> NDArray[np.uint8]:
    """Scale a part of a level down.

    Args:
        pixels: RGB, uint8, shape (height, width, 3).
        left_px: Where the area begins in `pixels`; may lie half a pixel outside.
        top_px: Likewise.
        factor: Pixels of the level for one of the result.
        size_px: Width and height of the result; what reaches beyond `pixels` repeats their edge.

    Returns:
        RGB, uint8, shape (size_px[1], size_px[0], 3).
    """
    height_px, width_px = pixels.shape[:2]
    right_px, bottom_px = left_px + size_px[0] * factor, top_px + size_px[1] * factor
    before = (max(0, int(np.ceil(-top_px))), max(0, int(np.ceil(-left_px))))
    after = (max(0, int(np.ceil(bottom_px - height_px))), max(0, int(np.ceil(right_px - width_px))))
    if any(before) or any(after):
        pixels = np.pad(pixels, ((before[0], after[0]), (before[1], after[1]), (0, 0)), mode="edge")
    box = (left_px + before[1], top_px + before[0], right_px + before[1], bottom_px + before[0])
    box = (box[0], box[1], min(box[2], pixels.shape[1]), min(box[3], pixels.shape[0]))
    return np.asarray(Image.fromarray(pixels).resize(size_px, Image.Resampling.BOX, box=box))
