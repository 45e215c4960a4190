"""Copies of a patch in each of which one window is hidden, and what the answers to them say."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

PATCH_PX: Final = 50
WINDOW_PX: Final = 10
"""40 um: some nuclei and what lies between them."""
STEP_PX: Final = 5
WINDOWS: Final = (PATCH_PX - WINDOW_PX) // STEP_PX + 1
"""On each side; their squares are all windows."""


def mean_stain(patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The colour of the patch's mean optical density (Beer-Lambert): as much stain everywhere, without any structure.

    Args:
        patch: RGB, uint8, shape (50, 50, 3).

    Returns:
        RGB, uint8, shape (3,).
    """
    light = np.maximum(patch.reshape(-1, 3).astype(np.float64), 1.0)
    return np.asarray(np.round(np.exp(np.log(light).mean(axis=0))), np.uint8)


def hidden_copies(patch: NDArray[np.uint8], fill: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The patch with each window filled, row by row from the upper left.

    Args:
        patch: RGB, uint8, shape (50, 50, 3).
        fill: Its mean stain, RGB, uint8, shape (3,).

    Returns:
        uint8, shape (81, 50, 50, 3).
    """
    copies = np.repeat(patch[None], WINDOWS**2, axis=0)
    for number in range(WINDOWS**2):
        row, column = divmod(number, WINDOWS)
        top, left = row * STEP_PX, column * STEP_PX
        copies[number, top : top + WINDOW_PX, left : left + WINDOW_PX] = fill
    return copies


def changes(whole: float, hidden: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of P(IDC) each window carries: P of the whole patch minus P without the window.

    Args:
        whole: P(IDC) of the patch, 0.0-1.0.
        hidden: P(IDC) of each copy, shape (81,).

    Returns:
        Shape (9, 9), rows from the top, -1.0 to 1.0. Positive: what is there speaks for IDC.
    """
    return (whole - hidden).reshape(WINDOWS, WINDOWS)
