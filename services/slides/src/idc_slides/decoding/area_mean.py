"""The kernel that brings a level to another scale: each pixel is the mean of the area that it covers.

Levels of a good pyramid are such means too. The mean of means is the mean, so that the score of a patch hardly depends
on the level that was read; no sharper or softer kernel has this.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLOCK_PX = 64
"""Side of what is computed at once: the weights of a wide image are nearly all zero."""


def area_mean(
    pixels: NDArray[np.uint8], left_px: float, top_px: float, factor: float, size_px: tuple[int, int]
) -> NDArray[np.uint8]:
    """Scale a part of a level.

    Args:
        pixels: RGB, uint8, shape (height, width, 3).
        left_px: Where the area begins in `pixels`; may lie outside.
        top_px: Likewise.
        factor: Pixels of the level for one of the result.
        size_px: Width and height of the result; what reaches beyond `pixels` repeats their edge.

    Returns:
        RGB, uint8, shape (size_px[1], size_px[0], 3).
    """
    if (
        factor == int(factor)
        and left_px == top_px == 0
        and pixels.shape[:2] == (size_px[1] * factor, size_px[0] * factor)
    ):
        return np.asarray(Image.fromarray(pixels).reduce(int(factor)))  # the same mean, ten times as fast
    result = np.empty((size_px[1], size_px[0], 3), np.uint8)
    for top in range(0, size_px[1], BLOCK_PX):
        rows, from_rows = _weights(pixels.shape[0], top_px + top * factor, factor, min(BLOCK_PX, size_px[1] - top))
        for left in range(0, size_px[0], BLOCK_PX):
            columns, from_columns = _weights(
                pixels.shape[1], left_px + left * factor, factor, min(BLOCK_PX, size_px[0] - left)
            )
            part = pixels[from_rows, from_columns].astype(np.float32)
            means = np.tensordot(columns, np.tensordot(rows, part, (1, 0)), (1, 1)).swapaxes(0, 1)
            result[top : top + len(rows), left : left + len(columns)] = np.clip(means + 0.5, 0, 255)
    return result


def _weights(side_px: int, start_px: float, factor: float, count: int) -> tuple[NDArray[np.float32], slice]:
    """The weights of a side's pixels, shape (count, pixels), each row with the sum 1, and which pixels these are."""
    edges = start_px + np.arange(count + 1) * factor
    first = min(max(int(np.floor(edges[0])), 0), side_px - 1)
    last = max(min(int(np.ceil(edges[-1])), side_px), first + 1)
    pixel = np.arange(first, last)
    overlaps = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    overlaps = overlaps.clip(0.0)
    outside = overlaps.sum(axis=1) < factor * 1e-6
    nearest = np.clip(edges[:-1] + factor / 2, first, last - 1).astype(int) - first
    overlaps[outside, nearest[outside]] = 1.0
    return (overlaps / overlaps.sum(axis=1, keepdims=True)).astype(np.float32), slice(first, last)
