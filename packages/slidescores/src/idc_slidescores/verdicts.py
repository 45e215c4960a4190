"""What reviewed cells tell of the cells around them: a Gaussian process over the slide.

Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", section 3.4: the mode of Laplace's approximation,
with the logistic likelihood. The prior mean of a cell's log odds is its score less the cut.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from idc_slidescores.cuts import FittedCut

REACH_CELLS: Final = 2.5
"""The standard deviation of the kernel: 0.5 mm."""
DEVIATION: Final = 0.7
"""How far, in logits, the score of a cell is off for reasons that its neighbours share. Both were chosen by
cross-validation, see docs/explanation/slides-cut.md."""
_TRUNCATE: Final = 4.0
"""In standard deviations."""
_SUM: Final = float(np.exp(-0.5 * (np.arange(-10, 11) / REACH_CELLS) ** 2).sum() ** 2)
"""Of the kernel with a peak of 1 over all cells; `gaussian_filter` has a sum of 1."""
_STEP: Final = 1 / (1 + DEVIATION**2 * _SUM / 4)
"""The largest that converges however many cells are reviewed: the logistic function is nowhere steeper than 1/4."""
_PRECISION: Final = 1e-3
_MOST_STEPS: Final = 200

Cells = NDArray[np.intp]


def spread_verdicts(
    mean_logits: NDArray[np.floating], cut: FittedCut, rows: Cells, columns: Cells, is_idc: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The scores of all cells, moved towards the verdicts on cells near them; unmoved where no cut was fitted.

    Args:
        mean_logits: Shape (rows, columns), NaN where there is no cell.
        cut: Of the slide, with these reviews.
        rows: Of the reviewed cells, shape (R,), each cell once.
        columns: Likewise.
        is_idc: The verdicts, shape (R,).

    Returns:
        float32 of the shape of `mean_logits`.
    """
    if cut.posterior is None or not len(is_idc):
        return mean_logits.astype(np.float32)
    odds, pulls = mean_logits[rows, columns] - cut.logit, np.zeros(mean_logits.shape)
    for _ in range(_MOST_STEPS):
        surprise = is_idc - expit(odds + _spread(pulls)[rows, columns])
        change = surprise - pulls[rows, columns]
        pulls[rows, columns] += _STEP * change
        if np.abs(change).max() < _PRECISION:
            break
    return np.asarray(mean_logits + _spread(pulls), np.float32)


def _spread(pulls: NDArray[np.float64]) -> NDArray[np.float64]:
    """The covariance of all cells with the reviewed ones, times their pulls, shape (rows, columns)."""
    smooth = gaussian_filter(pulls, REACH_CELLS, mode="constant", truncate=_TRUNCATE)
    return np.asarray(smooth * DEVIATION**2 * _SUM)
