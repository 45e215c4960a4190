"""Writes slides with known pixels as tiled pyramidal TIFF, tile by tile."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

TILE_PX = 256
SCREENED_UM_PER_PX = 4.0


def write_slide(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    enlarged_by: int = 1,
    levels: int = 4,
    coarser: int = 0,
    compression: str = "jpeg",
    quality: int = 90,
) -> Path:
    """Write a slide whose finest level is `pixels`, at 4.0 um per pixel, enlarged.

    Args:
        path: Where to.
        pixels: RGB, uint8, shape (height, width, 3), at 4.0 um per pixel.
        enlarged_by: 8 gives 0.5 um per pixel; each pixel becomes a square of so many.
        levels: Most levels; each is half the one before, and none coarser than `pixels`.
        coarser: Levels coarser than `pixels`, each of the means of four pixels of the one before.
        compression: Of tifffile.
        quality: Of JPEG.
    """
    factors = [enlarged_by // 2**level for level in range(levels) if enlarged_by % 2**level == 0]
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:

        def write(image: NDArray[np.uint8], factor: int, um_per_px: float, *, is_finest: bool) -> None:
            tiff.write(
                _tiles(image, factor),
                shape=(image.shape[0] * factor, image.shape[1] * factor, 3),
                dtype=np.uint8,
                tile=(TILE_PX, TILE_PX),
                photometric="rgb",  # 'ycbcr' would give false colours
                compression=compression,
                compressionargs={"level": quality} if compression == "jpeg" else None,
                resolution=(1e4 / um_per_px, 1e4 / um_per_px),
                resolutionunit="CENTIMETER",
                subfiletype=0 if is_finest else 1,
                metadata=None,
            )

        for factor in factors:
            write(pixels, factor, SCREENED_UM_PER_PX / factor, is_finest=factor == factors[0])
        for level in range(1, coarser + 1):
            reduced = np.asarray(Image.fromarray(pixels).reduce(2**level))
            write(reduced, 1, SCREENED_UM_PER_PX * 2**level, is_finest=False)
    return path


def damage_tile(path: Path, number: int) -> Path:
    """Spoil the bytes of a tile of the finest level, so that it cannot be decoded."""
    with tifffile.TiffFile(path) as tiff:
        start, length = tiff.pages[0].dataoffsets[number], tiff.pages[0].databytecounts[number]
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * length)
    return path


def _tiles(pixels: NDArray[np.uint8], factor: int) -> Iterator[NDArray[np.uint8]]:
    height, width = (side * factor for side in pixels.shape[:2])
    for top in range(0, height, TILE_PX):
        rows = np.minimum(np.arange(top, top + TILE_PX) // factor, pixels.shape[0] - 1)
        for left in range(0, width, TILE_PX):
            columns = np.minimum(np.arange(left, left + TILE_PX) // factor, pixels.shape[1] - 1)
            yield np.ascontiguousarray(pixels[rows[:, None], columns])
