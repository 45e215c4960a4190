"""Geometry of a DeepZoom pyramid: level 0 is one pixel, the last has the slide's own pixels."""

import io
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE_PX: Final = 254
OVERLAP_PX: Final = 1
JPEG_QUALITY: Final = 85


@dataclass(frozen=True)
class Tile:
    """A tile's place, in pixels of its DeepZoom level."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    downsample: int
    """Pixels of the slide for one of the tile."""


@dataclass(frozen=True)
class DeepZoom:
    """The pyramid of a slide of so many pixels."""

    width_px: int
    height_px: int

    @property
    def last_level(self) -> int:
        return math.ceil(math.log2(max(self.width_px, self.height_px, 1)))

    def dzi(self) -> str:
        """The description, XML."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpeg" Overlap="{OVERLAP_PX}" '
            f'TileSize="{TILE_PX}"><Size Width="{self.width_px}" Height="{self.height_px}"/></Image>\n'
        )

    def tile(self, level: int, column: int, row: int) -> Tile:
        """Find a tile.

        Raises:
            LookupError: The pyramid has no such tile.
        """
        if not 0 <= level <= self.last_level:
            raise LookupError(f"level {level} is not one of 0 to {self.last_level}")
        downsample = 2 ** (self.last_level - level)
        left, right = _side(math.ceil(self.width_px / downsample), column)
        top, bottom = _side(math.ceil(self.height_px / downsample), row)
        return Tile(left, top, right - left, bottom - top, downsample)


def _side(side_px: int, index: int) -> tuple[int, int]:
    count = math.ceil(side_px / TILE_PX)
    if not 0 <= index < count:
        raise LookupError(f"tile {index} is not one of 0 to {count - 1}")
    return max(0, index * TILE_PX - OVERLAP_PX), min(side_px, (index + 1) * TILE_PX + OVERLAP_PX)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """RGB, uint8, shape (height, width, 3), as JPEG."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=JPEG_QUALITY)
    return data.getvalue()


def part_of(overview: NDArray[np.uint8], overview_downsample: float, tile: Tile) -> NDArray[np.uint8]:
    """Cut a coarse tile from an image of the whole slide.

    Args:
        overview: RGB, uint8, shape (height, width, 3).
        overview_downsample: Pixels of the slide for one of it; with more than the tile's, the tile is blurred.
        tile: The tile.

    Returns:
        RGB, uint8, shape (tile.height_px, tile.width_px, 3).
    """
    factor = tile.downsample / overview_downsample
    height, width = overview.shape[:2]
    left, top = min(tile.left_px * factor, width - 1.0), min(tile.top_px * factor, height - 1.0)
    right, bottom = (tile.left_px + tile.width_px) * factor, (tile.top_px + tile.height_px) * factor
    box = (left, top, max(min(right, width), left + 1.0), max(min(bottom, height), top + 1.0))
    image = Image.fromarray(overview).resize((tile.width_px, tile.height_px), Image.Resampling.BOX, box=box)
    return np.asarray(image)
