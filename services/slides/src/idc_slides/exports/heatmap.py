"""A slide's map as OME-TIFF: a pixel for each cell."""

import io
from typing import Final

import numpy as np
import tifffile

from idc_contracts import Decision
from idc_contracts.slides import UM_PER_PX
from idc_slides.findings.decided import DecidedCells

CHANNELS: Final = ("P(IDC)", "score", "decision")
"""The decision is 0 for `no_idc`, 1 for `uncertain`, 2 for `idc`; NaN where a cell was not screened."""
CELL_UM: Final = 50 * UM_PER_PX


def heatmap(decided: DecidedCells) -> bytes:
    """The map as OME-TIFF: float32, axes C, Y, X, with 200 um for a pixel.

    Args:
        decided: The cells.
    """
    decision = np.full(decided.grid.logits.shape, np.nan, np.float32)
    for value, name in enumerate((Decision.NO_IDC, Decision.UNCERTAIN, Decision.IDC)):
        decision[decided.map_of(name)] = value
    probability = 1 / (1 + np.exp(-decided.grid.logits.astype(np.float32)))
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.stack([probability, decided.means, decision]).astype(np.float32),
        ome=True,
        compression="zlib",
        photometric="minisblack",
        metadata={
            "axes": "CYX",
            "Channel": {"Name": list(CHANNELS)},
            "PhysicalSizeX": CELL_UM,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": CELL_UM,
            "PhysicalSizeYUnit": "µm",
        },
    )
    return buffer.getvalue()
