"""The whole slide in one small image."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_slides.reading.slide_reader import SlideReader
from idc_slides.scale.choosing import level_for
from idc_slides.unreadable import SlideUnreadable

STRIP_BYTES: Final = 8 * 2**20
MOST_BLOCK_PX: Final = 256
BLOCK_LEVEL_PX: Final = 1024
"""Side of a block in the level that is read."""
SMALL_BLOCK_PX: Final = 16
"""A block that cannot be read is read again in such parts, so that one bad tile hides little around it."""

Part = tuple[slice, slice]
"""Rows and columns."""


@dataclass(frozen=True)
class Overview:
    """The whole slide, small."""

    pixels: NDArray[np.uint8]
    """RGB, shape (height, width, 3), white where it could not be read."""
    unread: tuple[Part, ...] = ()
    """What could not be read."""


def read_whole(reader: SlideReader, downsample: float) -> Overview:
    """Read the slide, strip by strip, from the coarsest level that is fine enough.

    Args:
        reader: The slide.
        downsample: Pixels of the finest level for one of the result.

    Raises:
        SlideUnreadable: No part of it can be read.
    """
    facts = reader.described
    level, level_downsample = level_for(facts, 1.0, downsample)
    factor = downsample / level_downsample
    width, height = (max(1, round(side / downsample)) for side in (facts.width_px, facts.height_px))
    block_px = max(1, min(MOST_BLOCK_PX, int(BLOCK_LEVEL_PX / factor)))
    strip = max(block_px, STRIP_BYTES // (3 * width) // block_px * block_px)
    pixels = np.empty((height, width, 3), np.uint8)

    def read(part: Part, side_px: int) -> list[Part]:
        """Fill in a part; gives its blocks of this side that cannot be read."""
        rows, columns = part
        size_px = (columns.stop - columns.start, rows.stop - rows.start)
        pixels[part], unreadable = reader.read(level, columns.start, rows.start, factor, size_px, side_px)
        return [(_piece(rows, row, side_px), _piece(columns, column, side_px)) for column, row in unreadable]

    strips = [(slice(top, min(height, top + strip)), slice(0, width)) for top in range(0, height, strip)]
    unread = [bad for part in strips for bad in read(part, block_px)]
    if len(unread) == math.ceil(width / block_px) * math.ceil(height / block_px):
        raise SlideUnreadable(
            "unreadable-slide", f"none of the slide's {len(unread)} parts can be read: copy it again from the scanner"
        )
    if block_px > SMALL_BLOCK_PX:
        unread = [bad for part in unread for bad in read(part, SMALL_BLOCK_PX)]
    return Overview(pixels, tuple(unread))


def _piece(side: slice, index: int, length_px: int) -> slice:
    begin = side.start + index * length_px
    return slice(begin, min(side.stop, begin + length_px))
