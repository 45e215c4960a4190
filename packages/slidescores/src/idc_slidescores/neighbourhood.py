"""The score of a cell: a mean over the cell and its neighbours, in which nearer cells weigh more."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.special import comb, logit

from idc_contracts.slide_scores import SlideScores

WINDOW: Final = 3
"""Where the model does not say."""
_MOST_SURE: Final = 1e-7
"""A float32 next to 1.0 has an infinite logit; P is kept this far from 0.0 and 1.0."""


def logits_of(probability: NDArray[np.floating]) -> NDArray[np.float32]:
    """ln(P / (1 - P)) of P(IDC), 0.0-1.0, of any shape: float32, finite, NaN where P is NaN."""
    kept = np.clip(probability.astype(np.float64), _MOST_SURE, 1 - _MOST_SURE)
    return np.asarray(logit(kept), np.float32)


def cell_scores(logits: NDArray[np.floating], scores: SlideScores | None) -> NDArray[np.float32]:
    """The scores of a slide's cells, on which its cut lies: the mean that the model was measured with.

    Args:
        logits: Of the cells alone, shape (rows, columns), NaN where a cell has none.
        scores: Of the model; without them a mean logit of 3 x 3 cells.

    Returns:
        float32 of the same shape, in logits, NaN where the cell itself has no logit.
    """
    if scores is None:
        return neighbourhood_mean(logits, WINDOW)
    return neighbourhood_mean(logits, scores.window, scores.mean)


def neighbourhood_mean(
    logits: NDArray[np.floating], window: int, mean: Literal["logit", "evidence"] = "logit"
) -> NDArray[np.float32]:
    """The weighted mean over the square of `window` x `window` cells around each cell; only cells with a logit count.

    The weights are binomial in both directions (1, 2, 1 for a window of 3), so that a small focus keeps more of its own
    score than by an even mean that ranks as well.

    The mean evidence is that of -ln(1 - P): 1 - P of a neighbourhood is the geometric mean of 1 - P of its cells. Cells
    that are surely no IDC differ little in it, so that they do not outweigh a cell that likely is.

    Args:
        logits: Shape (rows, columns), NaN where a cell has none.
        window: Side of the square in cells, odd; 1 leaves the logits as they are.
        mean: What is averaged.

    Returns:
        float32 of the same shape, NaN where the cell itself has no logit.

    Raises:
        ValueError: `window` is even or below 1.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"a window of {window} cells has no middle: take an odd number from 1")
    known = ~np.isnan(logits)
    weights = comb(window - 1, np.arange(window))
    averaged = np.where(known, logits, 0.0)
    if mean == "evidence":
        averaged = np.where(known, np.logaddexp(0.0, averaged), 0.0)
    sums, totals = (_weighted(values, weights) for values in (averaged, known))
    means = np.divide(sums, totals, out=np.full(logits.shape, np.nan), where=known)
    return np.asarray(_logit_of(means) if mean == "evidence" else means, np.float32)


def _logit_of(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logit of P, given -ln(1 - P)."""
    kept = np.maximum(evidence, _MOST_SURE)
    return np.asarray(kept + np.log(-np.expm1(-kept)))


def _weighted(values: NDArray[np.generic], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    down = convolve1d(values.astype(np.float64), weights, axis=0, mode="constant")
    return np.asarray(convolve1d(down, weights, axis=1, mode="constant"))
