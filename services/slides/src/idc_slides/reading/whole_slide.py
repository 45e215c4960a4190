"""The whole slide in one small image."""

import math
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


def read_whole(reader: SlideReader, downsample: float) -> NDArray[np.uint8]:
    """Read the slide, strip by strip, from the coarsest level that is fine enough.

    Args:
        reader: The slide.
        downsample: Pixels of the finest level for one of the result.

    Returns:
        RGB, uint8, shape (height, width, 3), white where it could not be read.

    Raises:
        SlideUnreadable: No part of it can be read.
    """
    facts = reader.described
    level, level_downsample = level_for(facts, 1.0, downsample)
    factor = downsample / level_downsample
    width, height = (max(1, round(side / downsample)) for side in (facts.width_px, facts.height_px))
    block = max(1, min(MOST_BLOCK_PX, int(BLOCK_LEVEL_PX / factor)))
    strip = max(block, STRIP_BYTES // (3 * width) // block * block)
    whole = np.empty((height, width, 3), np.uint8)
    unreadable = blocks = 0
    for top in range(0, height, strip):
        size_px = (width, min(strip, height - top))
        whole[top : top + size_px[1]], bad = reader.read(level, 0, top, factor, size_px, block)
        unreadable += len(bad)
        blocks += math.ceil(size_px[0] / block) * math.ceil(size_px[1] / block)
    if unreadable == blocks:
        raise SlideUnreadable(
            "unreadable-slide", f"none of the slide's {blocks} parts can be read: copy it again from the scanner"
        )
    return whole
