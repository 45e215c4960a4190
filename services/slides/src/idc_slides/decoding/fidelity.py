"""Whether a slide can be read at all, and whether its coarser levels are means of the finest."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_slides.decoding.blocks import Area, read_area
from idc_slides.decoding.source import CannotRead, Source

PLACES_A_SIDE: Final = 8
PLACES: Final = 8
PLACE_PX: Final = 16
LEAST_DOWNSAMPLE: Final = 8
"""Levels are compared at this or at their own downsample. It is that of 4.0 um per pixel at 20x."""
MOST_DOWNSAMPLE: Final = 42
"""From 0.1 to 4.2 um per pixel. Places are looked for in the coarsest level below it."""

Pixels = NDArray[np.uint8]
Place = tuple[float, float]
Reading = Callable[[float, Place], Pixels | None]
"""Gives a place of a level at a downsample; None where it cannot be read."""


def check_some_place(source: Source, levels: list[dict[str, Any]]) -> None:
    """Read a few pixels here and there, until one place can be read.

    Raises:
        CannotRead: None can.
    """
    level = levels[-1]
    for share in (0.5, 0.25, 0.75, 0.0, 1.0):
        place = (int((level["width_px"] - 1) * share), int((level["height_px"] - 1) * share))
        try:
            source.read(len(levels) - 1, *place, (1, 1))
        except CannotRead as exc:
            failed = exc
        else:
            return
    raise failed


def deviations(source: Source, levels: list[dict[str, Any]], most_downsample: float) -> list[float]:
    """How far each level is from the mean of the finest level's pixels, in grey values 0-255.

    It is the mean of the absolute difference at the places with the most contrast, both averaged down to 8 px of the
    finest level or to the level's own scale. It is 0 for the finest level, where no place can be compared, and for
    levels with a larger downsample than `most_downsample`.
    """
    usable = [index for index, level in enumerate(levels) if 1.5 < level["downsample"] < MOST_DOWNSAMPLE]
    if not usable:
        return [0.0] * len(levels)
    places = _contrasted_places(source, levels, usable[-1])
    finest = cache(partial(_place, source, levels, 0))  # most levels are compared at the same scale
    found = {
        index: _deviation(partial(_place, source, levels, index), finest, levels[index], places)
        for index in usable
        if levels[index]["downsample"] <= most_downsample
    }
    return [found.get(index, 0.0) for index in range(len(levels))]


def _contrasted_places(source: Source, levels: list[dict[str, Any]], index: int) -> list[Place]:
    """Places with much contrast in a level, as left and top in pixels of the finest level."""
    downsample = max(levels[index]["downsample"], LEAST_DOWNSAMPLE)
    width, height = (levels[0][side] - PLACE_PX * downsample for side in ("width_px", "height_px"))
    if min(width, height) < 0:
        return []
    contrasts = {}
    for x in np.linspace(0, width, PLACES_A_SIDE).tolist():
        for y in np.linspace(0, height, PLACES_A_SIDE).tolist():
            pixels = _place(source, levels, index, downsample, (x, y))
            if pixels is not None:
                contrasts[x, y] = float(pixels.std())
    return sorted(contrasts, key=lambda place: -contrasts[place])[:PLACES]


def _deviation(read: Reading, read_finest: Reading, level: dict[str, Any], places: list[Place]) -> float:
    downsample = max(level["downsample"], LEAST_DOWNSAMPLE)
    pairs = [(read_finest(downsample, place), read(downsample, place)) for place in places]
    differences = [
        np.abs(finest.astype(np.float32) - coarse).mean()
        for finest, coarse in pairs
        if finest is not None and coarse is not None
    ]
    return float(np.mean(differences)) if differences else 0.0


def _place(source: Source, levels: list[dict[str, Any]], index: int, downsample: float, place: Place) -> Pixels | None:
    level = levels[index]
    left_px, top_px = (side / level["downsample"] for side in place)
    area = Area(index, left_px, top_px, downsample / level["downsample"], PLACE_PX, PLACE_PX, PLACE_PX)
    pixels, unreadable = read_area(source, area, (level["width_px"], level["height_px"]))
    return None if unreadable else pixels
