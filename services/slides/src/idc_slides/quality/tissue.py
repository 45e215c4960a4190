"""Which cells are tissue, from the overview, and what the others are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.slides import SlideGrid
from idc_slides.quality.cell_shares import CellShares
from idc_slides.quality.pixel_kinds import pixel_kinds

LEAST_TISSUE_SHARE: Final = 0.25
LEAST_SOLID_SHARE: Final = 0.05
"""Of a cell: tissue that is more than a thin wall keeps the cell, however small it is."""
LEAST_FAT_SHARE: Final = 0.06
"""Less is the blurred border of the cell beside it."""
LEAST_PEN_SHARE: Final = 0.2
LEAST_FOLD_SHARE: Final = 0.1
LEAST_COVERED: Final = 0.9


@dataclass(frozen=True)
class TissueMap:
    """What to screen, and what was left out and why."""

    tissue: NDArray[np.bool_]
    """Shape (rows, columns): the cells to screen."""
    left_out: dict[str, NDArray[np.bool_]]
    """The other cells by cause, each shape (rows, columns): `glass`, `fat`, `pen`, `edge`. Each has one cause."""
    notes: dict[str, NDArray[np.bool_]]
    """Cells to screen with a word of caution, each shape (rows, columns): `pen`, `fold`."""
    shares: dict[str, float]
    """Of the tissue's and the ink's pixels, 0.0-1.0: `pen`, `fold`."""


def tissue_cells(
    overview: NDArray[np.uint8],
    grid: SlideGrid,
    um_per_px: float = 16.0,
    unread: Iterable[tuple[slice, slice]] = (),
) -> TissueMap:
    """Find the cells with tissue.

    Fat is what is thin walls around nothing: a cell with little tissue, none of it solid. Fat with thick walls is
    screened. The limits leave out 2.7 % of the patches, 0.1 % of those with IDC, that the public data set kept on the
    19 complete slides.

    Args:
        overview: The whole slide, RGB, uint8, shape (height, width, 3).
        grid: The slide's cells.
        um_per_px: Of the overview, 8-16.
        unread: Rows and columns of its parts that could not be read. Their cells may be tissue, and are screened.
    """
    found = pixel_kinds(overview)
    shares = CellShares(overview.shape[:2], grid, um_per_px)
    stained_share, pen_share = shares.of(found.stained), shares.of(found.pen)
    is_tissue = (stained_share >= LEAST_TISSUE_SHARE) | (shares.of(found.solid) >= LEAST_SOLID_SHARE)
    kinds = {
        "edge": shares.covered < LEAST_COVERED,
        "tissue": is_tissue | shares.touched(unread),
        "pen": pen_share >= LEAST_PEN_SHARE,
        "fat": stained_share >= LEAST_FAT_SHARE,
        "glass": np.ones_like(is_tissue),
    }
    cells = _first_that_holds(kinds)
    tissue = cells.pop("tissue")
    notes = {
        "pen": tissue & (pen_share >= LEAST_PEN_SHARE),
        "fold": tissue & (shares.of(found.fold) >= LEAST_FOLD_SHARE),
    }
    drawn_px, folded_px = int(found.pen.sum()), int(found.fold.sum())
    inked_px = max(int(found.stained.sum()) + drawn_px, 1)
    return TissueMap(tissue, cells, notes, {"pen": drawn_px / inked_px, "fold": folded_px / inked_px})


def _first_that_holds(kinds: dict[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Give each cell to the first kind that holds."""
    free = np.ones_like(next(iter(kinds.values())))
    first = {}
    for kind, holds in kinds.items():
        first[kind] = free & holds
        free = free & ~holds
    return first
