"""Reassembles the slide of a patient from its patches: the tissue, and P(IDC) and truth over it."""

import base64
import io
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc_contracts.bundle import PATCH
from idc_trainer.evaluation.scored_patches import ScoredPatches

_LONGEST_PX: Final = 560
_MOST_CELLS: Final = 400
"""Cells per side; a slide of the public set has about 80 at most."""
_OVERLAY: Final = 0.45
_JPEG_QUALITY: Final = 80

Image8 = NDArray[np.uint8]


def mosaics(scored: ScoredPatches, image_of: Callable[[int], Image8]) -> tuple[Image8, Image8, Image8] | None:
    """Three pictures of one patient's slide, RGB, uint8, of the same size: tissue, P(IDC) over it, truth over it.

    Args:
        scored: The patches of one patient.
        image_of: The pixels of a row of `scored`.

    Returns:
        None if no position is known, or the positions span more than a slide can.
    """
    placed = np.flatnonzero((scored.x_px >= 0) & (scored.y_px >= 0))
    if not len(placed):
        return None
    columns, rows = (scored.x_px[placed] // PATCH.width_px), (scored.y_px[placed] // PATCH.width_px)
    columns, rows = columns - columns.min(), rows - rows.min()
    if max(columns.max(), rows.max()) >= _MOST_CELLS:
        return None
    cell_px = int(np.clip(_LONGEST_PX // (max(columns.max(), rows.max()) + 1), 1, PATCH.width_px))
    shape = ((rows.max() + 1) * cell_px, (columns.max() + 1) * cell_px, 3)
    tissue, heat, truth = (np.full(shape, 245, np.uint8) for _ in range(3))
    for row, column, line in zip(placed, columns, rows, strict=True):
        patch = _small(image_of(int(row)), cell_px)
        place = (slice(line * cell_px, (line + 1) * cell_px), slice(column * cell_px, (column + 1) * cell_px))
        tissue[place] = patch
        heat[place] = _tinted(patch, float(scored.probability[row]))
        truth[place] = _tinted(patch, float(scored.labels[row]))
    return tissue, heat, truth


def _small(patch: Image8, side_px: int) -> Image8:
    return np.asarray(Image.fromarray(patch).resize((side_px, side_px), Image.Resampling.BOX))


def _tinted(patch: Image8, probability: float) -> Image8:
    """Blue for 0, white for 0.5, red for 1, over the tissue."""
    away = abs(probability - 0.5) * 2
    strong = np.array([200, 30, 30] if probability >= 0.5 else [30, 70, 200])
    colour = away * strong + (1 - away) * 255
    return np.rint(patch * (1 - _OVERLAY) + colour * _OVERLAY).astype(np.uint8)


def data_uri(pixels: Image8, *, lossless: bool = False) -> str:
    """An image as a `data:` URI, JPEG or PNG; pixels are RGB, uint8, shape (height, width, 3)."""
    buffer = io.BytesIO()
    kind = "png" if lossless else "jpeg"
    Image.fromarray(pixels).save(buffer, kind, quality=_JPEG_QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
