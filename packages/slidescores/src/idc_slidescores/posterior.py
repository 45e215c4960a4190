"""What a slide's scores and its reviewed cells tell of its shift and its share of IDC.

A score of IDC is N(idc_mean + d, idc_deviation), any other N(no_idc_mean + d, no_idc_deviation); d is the slide's shift
from N(0, shift_deviation), and the share of IDC is uniform. Scores below `floor` count as `floor`.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp
from scipy.stats import norm

from idc_contracts.slide_scores import SlideScores
from idc_slidescores.grid import PREVALENCES, Grid, Values, equal_density, log_ratio

REVIEWS_AT_ONCE: Final = 3
"""So many reviewed cells, which lie along the same border, tell as much as one independent verdict."""
LEAST_ABOVE_FLOOR: Final = 0.8
"""In logits. A cut nearer the floor, or below it, would take all of the healthy tissue for IDC at once."""
_WRONG: Final = 0.02
"""Assumed share of wrong verdicts, so that a single one cannot outweigh all others."""


@dataclass(frozen=True)
class Reviewed:
    """Cells that people reviewed; those judged `unsure` tell nothing and stay out."""

    mean_logits: NDArray[np.floating] = field(default_factory=lambda: np.empty(0, np.float32))
    """Of the cells and their neighbours, shape (R,)."""
    is_idc: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """The verdict, shape (R,)."""

    def __len__(self) -> int:
        return len(self.is_idc)


NONE_REVIEWED: Final = Reviewed()


@dataclass(frozen=True)
class Posterior:
    """The probabilities of shifts and prevalences, given a slide."""

    grid: Grid
    weights: Values
    """Shape (shifts, prevalences), with the sum 1.0."""

    @property
    def of_shift(self) -> Values:
        """The probability of each of `grid.shifts`."""
        return np.asarray(self.weights.sum(axis=1))

    @property
    def shift(self) -> float:
        return float(self.of_shift @ self.grid.shifts)

    @property
    def deviation(self) -> float:
        """The standard deviation of the shift."""
        return float(np.sqrt(self.of_shift @ (self.grid.shifts - self.shift) ** 2))

    @property
    def prevalence(self) -> float:
        """The mean share of IDC."""
        return float(self.weights.sum(axis=0) @ PREVALENCES)

    def shift_quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """Shifts below which these shares of the posterior lie."""
        return quantiles(self.grid.shifts, self.of_shift, shares)

    def idc_cells(self, mean_logits: NDArray[np.floating]) -> Values:
        """The expected number of IDC cells among some cells, for each shift and prevalence, of the shape of `weights`.

        Each cell counts by its probability of being IDC, given the shift and the prevalence.
        """
        odds = self.grid.log_ratio + _log_odds()[:, None]
        return self.grid.over_cells(expit(odds), self.grid.counts(mean_logits)).clip(0, mean_logits.size)


def quantiles(values: Values, weights: Values, shares: tuple[float, ...]) -> list[float]:
    """Weighted quantiles of values; weights have the same shape and the sum 1.0."""
    order = np.argsort(values, axis=None, kind="stable")
    reached = np.cumsum(weights.ravel()[order]) - weights.ravel()[order] / 2
    return [float(value) for value in np.interp(shares, reached, values.ravel()[order])]


def fit_posterior(mean_logits: NDArray[np.floating], scores: SlideScores, reviewed: Reviewed) -> Posterior:
    """Fit to all scored cells of a slide, shape (N,), and to those that were reviewed."""
    grid = Grid(scores)
    log_share, log_rest_share = np.log(PREVALENCES)[:, None], np.log1p(-PREVALENCES)[:, None]
    mixture = np.logaddexp(grid.log_idc + log_share, grid.log_rest + log_rest_share)
    log_posterior = grid.over_cells(mixture, grid.counts(mean_logits)) / scores.cells_as_one
    log_posterior += norm.logpdf(grid.shifts, 0.0, scores.shift_deviation)[:, None]
    log_posterior += _of_reviews(grid, scores, reviewed) / REVIEWS_AT_ONCE
    is_low = equal_density(scores) + grid.shifts < scores.floor + LEAST_ABOVE_FLOOR
    if not is_low.all():
        log_posterior[is_low] = -np.inf
    return Posterior(grid, np.exp(log_posterior - logsumexp(log_posterior)))


def _of_reviews(grid: Grid, scores: SlideScores, reviewed: Reviewed) -> Values:
    """Logarithm of p(verdicts | scores, shift, prevalence), shape (shifts, prevalences).

    Given the scores, since cells are chosen for review by their score: that most cells near the cut are no IDC on a
    slide with little IDC must not move the cut. A cell at the floor tells nothing of the shift.
    """
    tells = reviewed.mean_logits > scores.floor
    shifted = reviewed.mean_logits[tells].astype(np.float64)[None] - grid.shifts[:, None]
    odds = log_ratio(shifted, scores)[:, None] + _log_odds()[:, None]
    of_verdict = expit(np.where(reviewed.is_idc[tells], odds, -odds))
    return np.asarray(np.log(_WRONG + (1 - 2 * _WRONG) * of_verdict).sum(axis=2))


def _log_odds() -> Values:
    return np.asarray(np.log(PREVALENCES) - np.log1p(-PREVALENCES))
