"""Reads an area of a level block by block, so that memory stays bounded and a bad spot spoils only its own block."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_slides.decoding.area_mean import area_mean
from idc_slides.decoding.source import CannotRead, Source

MAX_READ_PX = 4 * 2**20
"""Most pixels of one read, unless a single block has more; OpenSlide needs four bytes for each."""
MAX_SIDE_PX = 4096
"""OpenSlide splits wider reads, and rounds the place of each part to whole pixels of level 0."""


@dataclass(frozen=True)
class Area:
    """Where a result lies in a level."""

    level: int
    left_px: float
    """In pixels of the level."""
    top_px: float
    factor: float
    """Pixels of the level for one of the result."""
    width_px: int
    """Of the result."""
    height_px: int
    block_px: int
    """Side of a block in pixels of the result; the last may be smaller."""


def read_area(source: Source, area: Area, level_px: tuple[int, int]) -> tuple[NDArray[np.uint8], list[tuple[int, int]]]:
    """Read an area at the scale of the result.

    Args:
        source: The open slide.
        area: What to read.
        level_px: Width and height of the level.

    Returns:
        RGB, uint8, shape (height, width, 3), white where it could not be read; and the unreadable blocks as
        (column, row).
    """
    pixels = np.full((area.height_px, area.width_px, 3), 255, np.uint8)
    unreadable: list[tuple[int, int]] = []
    for row in range(math.ceil(area.height_px / area.block_px)):
        for columns in _runs(area):
            unreadable += [(column, row) for column in _read_run(source, area, level_px, row, columns, pixels)]
    return pixels, unreadable


def _runs(area: Area) -> Iterator[range]:
    """The block columns, in runs that are read at once."""
    side_px = area.block_px * area.factor
    length = max(1, int(min(MAX_SIDE_PX - 2, MAX_READ_PX / side_px) / side_px))
    count = math.ceil(area.width_px / area.block_px)
    for start in range(0, count, length):
        yield range(start, min(start + length, count))


def _read_run(
    source: Source, area: Area, level_px: tuple[int, int], row: int, columns: range, pixels: NDArray[np.uint8]
) -> list[int]:
    """Fill in a run of blocks; gives the unreadable columns."""
    top, bottom = row * area.block_px, min((row + 1) * area.block_px, area.height_px)
    left, right = columns.start * area.block_px, min(columns.stop * area.block_px, area.width_px)
    try:
        pixels[top:bottom, left:right] = _read_part(source, area, level_px, (left, top, right, bottom))
    except CannotRead:
        if len(columns) == 1:
            return [columns.start]
        singles = (range(column, column + 1) for column in columns)
        return [bad for single in singles for bad in _read_run(source, area, level_px, row, single, pixels)]
    return []


def _read_part(
    source: Source, area: Area, level_px: tuple[int, int], box: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """`box` is left, top, right, bottom in pixels of the result."""
    left, right = (area.left_px + side * area.factor for side in (box[0], box[2]))
    top, bottom = (area.top_px + side * area.factor for side in (box[1], box[3]))
    x, y = _inside(math.floor(left), level_px[0] - 1), _inside(math.floor(top), level_px[1] - 1)
    width, height = _inside(math.ceil(right), level_px[0]) - x, _inside(math.ceil(bottom), level_px[1]) - y
    read, true_x, true_y = source.read(area.level, x, y, (max(width, 1), max(height, 1)))
    return area_mean(read, left - true_x, top - true_y, area.factor, (box[2] - box[0], box[3] - box[1]))


def _inside(place: int, most: int) -> int:
    return min(max(place, 0), most)
