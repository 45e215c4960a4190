"""Shares of cells."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from idc_contracts.slides import UM_PER_PX, SlideGrid

CELL_UM = 50 * UM_PER_PX


class CellShares:
    """Tells which share of each cell a mask of an overview covers; pixels on a border count for both by their area."""

    def __init__(self, shape: tuple[int, int], grid: SlideGrid, um_per_px: float) -> None:
        cell_px = CELL_UM / um_per_px
        self._rows = _overlaps(shape[0], grid.rows, cell_px)
        self._columns = _overlaps(shape[1], grid.columns, cell_px)
        self.covered = np.outer(self._rows.sum(axis=1), self._columns.sum(axis=1)) / cell_px**2
        """The share of each cell that lies on the slide, shape (rows, columns)."""
        self._areas_px = np.maximum(self.covered * cell_px**2, 1e-6)

    def of(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The share of each cell's area on the slide where the mask is True, shape (rows, columns)."""
        of_rows = self._rows @ mask.astype(np.float32)
        return np.asarray((self._columns @ of_rows.T).T / self._areas_px)


def _overlaps(pixels: int, cells: int, cell_px: float) -> csr_array:
    """How much of each pixel of a side lies in each cell, shape (cells, pixels).

    Sparse: as a plain matrix it is nearly all zero, and its product takes ten times as long and all cores.
    """
    pixel, cell = np.arange(pixels)[None, :], np.arange(cells)[:, None] * cell_px
    overlaps = np.minimum(pixel + 1, cell + cell_px) - np.maximum(pixel, cell)
    return csr_array(overlaps.clip(0.0, 1.0).astype(np.float32))
