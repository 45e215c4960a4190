"""Slides whose patches lie side by side, found by the positions in the names of the patches."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import PATCH

LEAST_PATCHES: Final = 300
"""As many as a cut needs to be fitted, see `idc_slidescores`."""
_MOST_CELLS: Final = 400
"""Cells per side; a slide of the public set has about 80 at most."""
_NEIGHBOURS: Final = 5
"""Of the 8 around a patch; at least half of the patches must have so many."""

_AROUND: Final = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]

Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class SlideLayout:
    """Where the patches of one patient lie; all arrays have shape (N,)."""

    patches: Numbers
    """The row number of each patch among all patches."""
    row: Numbers
    """Of its cell, from the top."""
    column: Numbers
    """Of its cell, from the left."""

    def grid(self, values: NDArray[np.floating] | NDArray[np.bool_]) -> NDArray[np.float32]:
        """Values of this slide's patches, shape (N,), as a map: shape (rows, columns), NaN where there is no patch."""
        found = np.full((self.row.max() + 1, self.column.max() + 1), np.nan, np.float32)
        found[self.row, self.column] = values
        return found

    def of(self, grid: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values of the patches, shape (N,), of a map."""
        return grid[self.row, self.column]


def dense_slides(
    patients: NDArray[np.str_], x_px: NDArray[np.int32], y_px: NDArray[np.int32]
) -> dict[str, SlideLayout]:
    """The patients with at least 300 placed patches, most of which have neighbours, sorted.

    Args:
        patients: The patient of each patch, shape (N,).
        x_px: The position of each patch in its slide, -1 if unknown, shape (N,).
        y_px: Likewise.
    """
    placed = np.flatnonzero((x_px >= 0) & (y_px >= 0))
    names, counts = np.unique(patients[placed], return_counts=True)
    found = {}
    for name in names[counts >= LEAST_PATCHES].tolist():
        layout = _layout(placed[patients[placed] == name], x_px, y_px)
        if layout and _is_dense(layout):
            found[name] = layout
    return found


def _layout(patches: Numbers, x_px: NDArray[np.int32], y_px: NDArray[np.int32]) -> SlideLayout | None:
    """None if the positions span more than a slide can; of several patches of one cell, the first counts."""
    cells = np.stack([y_px[patches] // PATCH.height_px, x_px[patches] // PATCH.width_px])
    cells -= cells.min(axis=1, keepdims=True)
    if cells.max() >= _MOST_CELLS:
        return None
    (row, column), first = np.unique(cells, axis=1, return_index=True)
    return SlideLayout(patches[first], row.astype(np.intp), column.astype(np.intp))


def _is_dense(layout: SlideLayout) -> bool:
    if len(layout.patches) < LEAST_PATCHES:
        return False
    taken = np.zeros((layout.row.max() + 3, layout.column.max() + 3), np.intp)
    taken[layout.row + 1, layout.column + 1] = 1
    neighbours = sum(taken[layout.row + 1 + down, layout.column + 1 + right] for down, right in _AROUND)
    return bool(np.mean(neighbours >= _NEIGHBOURS) >= 0.5)
