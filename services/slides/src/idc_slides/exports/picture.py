"""A slide's map as a small picture."""

import io
from typing import Final

import numpy as np
from PIL import Image

from idc_contracts import Decision
from idc_slides.findings.decided import DecidedCells

COLOURS: Final = {
    Decision.IDC: (200, 0, 0),
    Decision.UNCERTAIN: (230, 160, 0),
    Decision.NO_IDC: (150, 190, 230),
}
_LEFT_OUT: Final = (190, 190, 190)
_GLASS: Final = (255, 255, 255)
_WIDTH_PX: Final = 900


def picture(decided: DecidedCells) -> bytes:
    """The map as PNG, each cell a square of one colour.

    Args:
        decided: The cells.
    """
    rows, columns = decided.grid.logits.shape
    pixels = np.full((rows, columns, 3), _GLASS, np.uint8)
    for cause, places in decided.grid.left_out().items():
        pixels[places[:, 0], places[:, 1]] = _GLASS if cause == "glass" else _LEFT_OUT
    for decision, colour in COLOURS.items():
        pixels[decided.map_of(decision)] = colour
    zoom = max(1, _WIDTH_PX // max(rows, columns))
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((columns * zoom, rows * zoom), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
