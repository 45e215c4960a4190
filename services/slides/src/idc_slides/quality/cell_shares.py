"""Shares of cells."""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from idc_contracts.slides import UM_PER_PX, SlideGrid

CELL_UM: Final = 50 * UM_PER_PX
PART_PX: Final = 2**20
"""Of a mask, as 32-bit numbers at one time."""


class CellShares:
    """Tells which share of each cell a mask of an overview covers; pixels on a border count for both by their area."""

    def __init__(self, shape: tuple[int, int], grid: SlideGrid, um_per_px: float) -> None:
        self._cell_px = cell_px = CELL_UM / um_per_px
        self._rows = _overlaps(shape[0], grid.rows, cell_px)
        self._columns = _overlaps(shape[1], grid.columns, cell_px)
        self.covered = np.outer(self._rows.sum(axis=1), self._columns.sum(axis=1)) / cell_px**2
        """The share of each cell that lies on the slide, shape (rows, columns)."""
        self._areas_px = np.maximum(self.covered * cell_px**2, 1e-6)

    def of(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The share of each cell's area on the slide where the mask is True, shape (rows, columns)."""
        height, width = mask.shape
        step = max(1, PART_PX // height)
        parts = [self._rows @ mask[:, left : left + step].astype(np.float32) for left in range(0, width, step)]
        return np.asarray((self._columns @ np.concatenate(parts, axis=1).T).T / self._areas_px)

    def touched(self, parts: Iterable[tuple[slice, slice]]) -> NDArray[np.bool_]:
        """The cells of which something lies in these parts, rows and columns of pixels; shape (rows, columns)."""
        cells = np.zeros(self.covered.shape, np.bool_)
        for rows, columns in parts:
            cells[self._cells(rows), self._cells(columns)] = True
        return cells

    def _cells(self, pixels: slice) -> slice:
        return slice(math.floor(pixels.start / self._cell_px), math.ceil(pixels.stop / self._cell_px))


def _overlaps(pixels: int, cells: int, cell_px: float) -> csr_array:
    """How much of each pixel of a side lies in each cell, shape (cells, pixels).

    Sparse: as a plain matrix it is nearly all zero, takes gigabytes for a long slide, and its product takes ten times
    as long and all cores.
    """
    cell = np.arange(cells)[:, None] * cell_px
    pixel = np.floor(cell).astype(np.intp) + np.arange(math.ceil(cell_px) + 1)
    overlaps = (np.minimum(pixel + 1, cell + cell_px) - np.maximum(pixel, cell)).clip(0.0, 1.0).astype(np.float32)
    place, within = np.nonzero((overlaps > 0) & (pixel < pixels))
    return csr_array((overlaps[place, within], (place, pixel[place, within])), shape=(cells, pixels))
