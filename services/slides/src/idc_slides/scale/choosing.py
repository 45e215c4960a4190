"""Chooses the level that is read, and lays the grid of cells."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from idc_contracts.slides import UM_PER_PX, SlideGrid, SlideScale
from idc_slides.facts import SlideFacts
from idc_slides.scale.plausible import COARSEST_UM_PER_PX, FINEST_UM_PER_PX
from idc_slides.unreadable import NeedsScale, SlideUnreadable

CELL_PX: Final = 50
CELL_UM: Final = CELL_PX * UM_PER_PX
MAX_CELLS: Final = 150_000
"""6,000 mm2, three times the glass of a usual slide."""
MAX_SIDE_CELLS: Final = 2_000
"""400 mm, five times the length of a usual slide: a whole row of cells is held in memory."""
LEAST_REST: Final = 0.05
"""Of a cell; without it a slide of exactly so many cells could get one more by rounding."""
LEVEL_TOLERANCE: Final = 1.02
"""A level of up to 2 % more um per pixel than wanted is still taken."""
MAX_DEVIATION: Final = 1.15
"""A level further from the mean of the finest one's pixels is not screened, so that P(IDC) of a patch hardly depends on
the level. Measured with `models/idc/3` on patches of tissue: at deviations up to 1.1, P differed by 0.004 to 0.009 on
average and by 0.08 at most; at 1.2 to 1.4 by 0.010 to 0.012, and by 0.10 to 0.16 at most."""
KERNEL: Final = "area-mean"
"""Each pixel is the mean of the area that it covers; pixels on its edge count by their share."""


@dataclass(frozen=True)
class ChosenScale:
    """How a slide is read at 4.0 um per pixel."""

    record: SlideScale
    grid: SlideGrid
    warnings: tuple[str, ...] = ()
    """What a reader must know, as sentences."""


def choose_scale(facts: SlideFacts, stated_um_per_px: float | None = None) -> ChosenScale:
    """Choose the level and lay the grid.

    Args:
        facts: The slide.
        stated_um_per_px: What a person says of the finest level; it goes before the file's.

    Raises:
        NeedsScale: The file does not tell its scale or an implausible one, or the stated one is implausible.
        SlideUnreadable: At this scale the slide is smaller than one cell, or larger than any slide.
    """
    um_per_px, stated_by = _believed(facts, stated_um_per_px)
    level, level_um_per_px = level_for(facts, um_per_px, UM_PER_PX, MAX_DEVIATION)
    record = SlideScale(
        um_per_px=um_per_px,
        stated_by=stated_by,
        level=level,
        level_um_per_px=level_um_per_px,
        factor=UM_PER_PX / level_um_per_px,
        kernel=KERNEL,
    )
    return ChosenScale(record, _grid(facts, um_per_px), _warnings(facts, um_per_px, level))


def level_for(
    facts: SlideFacts, um_per_px: float, wanted_um_per_px: float, max_deviation: float = math.inf
) -> tuple[int, float]:
    """The coarsest level that is still fine and faithful enough, and its um per pixel; the finest where none is.

    Args:
        facts: The slide.
        um_per_px: Of the finest level.
        wanted_um_per_px: In the same unit; what the level is scaled to.
        max_deviation: Most that a level may deviate from the mean of the finest level's pixels.
    """
    scales = [um_per_px * level.downsample for level in facts.levels]
    fine = [
        (scale, index)
        for index, scale in enumerate(scales)
        if scale <= wanted_um_per_px * LEVEL_TOLERANCE and facts.levels[index].deviation <= max_deviation
    ]
    scale, index = max(fine, default=(scales[0], 0))
    return index, scale


def _warnings(facts: SlideFacts, um_per_px: float, level: int) -> tuple[str, ...]:
    coarsest, _ = level_for(facts, um_per_px, UM_PER_PX)
    if coarsest == level:
        return ()
    return (
        f"Level {level} of the file was read instead of level {coarsest}, which was made by leaving out pixels or is "
        "strongly compressed. That takes longer.",
    )


def _believed(facts: SlideFacts, stated: float | None) -> tuple[float, Literal["file", "person"]]:
    ask = f"state the um per pixel of its finest level ({FINEST_UM_PER_PX:g} to {COARSEST_UM_PER_PX:g})"
    if stated is not None:
        if not FINEST_UM_PER_PX <= stated <= COARSEST_UM_PER_PX:
            raise NeedsScale(f"{stated:g} um per pixel was stated, and no scanner gives that: {ask}")
        return stated, "person"
    if facts.um_per_px is None:
        power = facts.objective_power
        hint = f"; its objective of {power:g}x usually means {10 / power:.2g}" if power else ""
        raise NeedsScale(f"the file does not tell its scale: {ask}{hint}")
    if facts.um_per_px_doubt is not None:
        raise NeedsScale(f"{facts.um_per_px_doubt}: {ask}")
    return facts.um_per_px, "file"


def _grid(facts: SlideFacts, um_per_px: float) -> SlideGrid:
    pitch_px = CELL_UM / um_per_px
    size = f"{facts.width_px} x {facts.height_px} px at {um_per_px:.4g} um per pixel"
    if min(facts.width_px, facts.height_px) < pitch_px * (1 - LEAST_REST):
        raise SlideUnreadable(
            "slide-too-small",
            f"{size} is smaller than one patch of {CELL_UM:g} um: send the whole slide, or state its scale",
        )
    grid = SlideGrid(columns=cells(facts.width_px, pitch_px), rows=cells(facts.height_px, pitch_px), pitch_px=pitch_px)
    if grid.columns * grid.rows > MAX_CELLS or max(grid.columns, grid.rows) > MAX_SIDE_CELLS:
        width_mm, height_mm = (side * um_per_px / 1000 for side in (facts.width_px, facts.height_px))
        raise SlideUnreadable(
            "slide-too-large",
            f"{size} would be {width_mm:.0f} x {height_mm:.0f} mm: state the right scale, or cut the slide",
        )
    return grid


def cells(side_px: int, pitch_px: float) -> int:
    """Cells along a side, the last of them perhaps not whole; a rest of less than 10 um counts for nothing."""
    return max(1, math.ceil(side_px / pitch_px - LEAST_REST))
