"""What reviewed cells tell of the cells around them: a Gaussian process over the slide.

Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", section 3.4: the mode of Laplace's approximation,
with the logistic likelihood. The prior mean of a cell's log odds is its score less the cut.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from idc_contracts.slide_scores import SlideScores
from idc_slidescores.cuts import FittedCut

REACH_CELLS: Final = 2.5
"""The standard deviation of the kernel: 0.5 mm. Chosen by cross-validation, see docs/explanation/slides-cut.md."""
_RADIUS_CELLS: Final = 10
"""Further cells do not move: four standard deviations."""
_SUM: Final = float(np.exp(-0.5 * (np.arange(-_RADIUS_CELLS, _RADIUS_CELLS + 1) / REACH_CELLS) ** 2).sum() ** 2)
"""Of the kernel with a peak of 1 over all cells; `gaussian_filter` has a sum of 1."""
_PRECISION: Final = 1e-3
_MOST_STEPS: Final = 200

Cells = NDArray[np.intp]


def spread_verdicts(
    scored: NDArray[np.floating],
    cut: FittedCut,
    scores: SlideScores | None,
    rows: Cells,
    columns: Cells,
    is_idc: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """The scores of all cells, moved towards the verdicts on cells near them; unmoved where no cut was fitted.

    Args:
        scored: Of `cell_scores`, shape (rows, columns), NaN where there is no cell.
        cut: Of the slide, with these reviews.
        scores: Of the model.
        rows: Of the reviewed cells, shape (R,), each cell once.
        columns: Likewise.
        is_idc: The verdicts, shape (R,).

    Returns:
        float32 of the shape of `scored`.

    Raises:
        ValueError: A reviewed cell has no score.
    """
    moved = scored.astype(np.float32)
    if cut.posterior is None or scores is None or not scores.verdict_deviation or not len(is_idc):
        return moved
    odds = scored[rows, columns].astype(np.float64) - cut.logit
    if np.isnan(odds).any():
        raise ValueError(f"{int(np.isnan(odds).sum())} reviewed cells have no score: give verdicts on scored cells")
    top, left = (max(int(places.min()) - _RADIUS_CELLS, 0) for places in (rows, columns))
    bottom, right = (int(places.max()) + _RADIUS_CELLS + 1 for places in (rows, columns))
    near = moved[top:bottom, left:right]  # a part of `moved` itself
    near += _pull(odds, near.shape, (rows - top, columns - left), is_idc, scores.verdict_deviation**2)
    return moved


def _pull(
    odds: NDArray[np.float64],
    shape: tuple[int, ...],
    places: tuple[Cells, Cells],
    is_idc: NDArray[np.bool_],
    variance: float,
) -> NDArray[np.float64]:
    """By how much each cell of a map moves, given the log odds of the reviewed ones."""

    def spread(surprises: NDArray[np.float64]) -> NDArray[np.float64]:
        smooth = gaussian_filter(surprises, REACH_CELLS, mode="constant", radius=_RADIUS_CELLS)
        return np.asarray(smooth * variance * _SUM)

    surprises = np.zeros(shape)
    # The largest that converges however many cells are reviewed: the logistic function is nowhere steeper than 1/4.
    step = 1 / (1 + variance * _SUM / 4)
    for _ in range(_MOST_STEPS):
        change = is_idc - expit(odds + spread(surprises)[places]) - surprises[places]
        surprises[places] += step * change
        if np.abs(change).max() < _PRECISION:
            break
    return spread(surprises)
