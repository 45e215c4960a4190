"""Focus, from cells at 4.0 um per pixel: in the overview a blurred slide looks like any other."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_modelio.appearance import sharpness_of

LEAST_SHARPNESS: Final = 0.35
"""Of 3,200 patches of the 19 complete slides the least had 0.59 (0.1 %); blurred by 2 px (8 um) the most had 0.25."""


def blurred_cells(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which cells are out of focus.

    Args:
        cells: RGB at 4.0 um per pixel, uint8, shape (N, 50, 50, 3).

    Returns:
        Shape (N,).
    """
    return np.asarray(sharpness_of(cells) < LEAST_SHARPNESS)
