"""The mean logit of a cell and its neighbours."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.special import logit

_MOST_SURE: Final = 1e-7
"""A float32 next to 1.0 has an infinite logit; P is kept this far from 0.0 and 1.0."""


def logits_of(probability: NDArray[np.floating]) -> NDArray[np.float32]:
    """ln(P / (1 - P)) of P(IDC), 0.0-1.0, of any shape: float32, finite, NaN where P is NaN."""
    kept = np.clip(probability.astype(np.float64), _MOST_SURE, 1 - _MOST_SURE)
    return np.asarray(logit(kept), np.float32)


def neighbourhood_mean(logits: NDArray[np.floating], window: int = 3) -> NDArray[np.float32]:
    """The mean over the square of `window` x `window` cells around each cell; only cells with a logit count.

    Args:
        logits: Shape (rows, columns), NaN where a cell has none.
        window: Side of the square in cells, odd.

    Returns:
        float32 of the same shape, NaN where the cell itself has no logit.

    Raises:
        ValueError: `window` is even or below 1.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"a window of {window} cells has no middle: take an odd number from 1")
    known = ~np.isnan(logits)
    if not known.any():
        return np.full(logits.shape, np.nan, np.float32)
    sums, shares = (
        uniform_filter(values.astype(np.float64), window, mode="constant")
        for values in (np.where(known, logits, 0.0), known)
    )
    # the filter adds and subtracts along a line: the count is made whole again before it divides
    counts = np.maximum(np.rint(shares * window**2), 1)
    return np.where(known, sums * window**2 / counts, np.nan).astype(np.float32)
