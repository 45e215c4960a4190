"""Shares of cells."""

import numpy as np
from numpy.typing import NDArray

from idc_contracts.slides import UM_PER_PX, SlideGrid

CELL_UM = 50 * UM_PER_PX


class CellShares:
    """Tells which pixels of an overview lie in which cell."""

    def __init__(self, shape: tuple[int, int], grid: SlideGrid, um_per_px: float) -> None:
        cell_px = CELL_UM / um_per_px
        self._grid = (grid.rows, grid.columns)
        rows, columns = (
            np.minimum(np.arange(side) / cell_px, count - 1).astype(int)
            for side, count in zip(shape, self._grid, strict=True)
        )
        self._cell = rows[:, None] * grid.columns + columns[None, :]
        self._pixels = np.bincount(self._cell.ravel(), minlength=grid.rows * grid.columns)
        self.covered = np.outer(
            *(
                np.clip(side / cell_px - np.arange(count), 0.0, 1.0)
                for side, count in zip(shape, self._grid, strict=True)
            )
        )
        """The share of each cell that lies on the slide, shape (rows, columns)."""

    def of(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The share of each cell's pixels that are True, shape (rows, columns)."""
        counts = np.bincount(self._cell[mask], minlength=self._pixels.size)
        return (counts / np.maximum(self._pixels, 1)).reshape(self._grid)
