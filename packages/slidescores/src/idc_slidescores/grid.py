"""Shifts, prevalences and bins of the score: sums over all cells of a slide become one correlation."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate
from scipy.stats import norm

from idc_contracts.slide_scores import SlideScores

Values = NDArray[np.float64]

PREVALENCES: Final = np.concatenate([[0.003, 0.01, 0.02], np.linspace(0.04, 0.96, 24), [0.98, 0.99]])
"""Shares of IDC, finer where it is rare."""
_REACH: Final = 4.0
"""Shifts reach so many of their deviations."""
_STEPS_PER_DEVIATION: Final = 20
_MOST_STEPS: Final = 200
"""On each side of no shift."""
_TAIL: Final = 6.0
"""Scores further out, in deviations, count as this far out."""
_STRAY: Final = 1e-3
"""The density of cells that fit neither class; it keeps a few of them from moving the cut."""


class Grid:
    """Shifts, and bins of the score, with the same step."""

    def __init__(self, scores: SlideScores) -> None:
        reach = _REACH * scores.shift_deviation
        narrow, wide = sorted((scores.idc_deviation, scores.no_idc_deviation))
        self.step = max(narrow / _STEPS_PER_DEVIATION, reach / _MOST_STEPS)
        steps = int(np.ceil(reach / self.step))
        self.shifts: Values = np.arange(-steps, steps + 1, dtype=np.float64) * self.step
        low, high = scores.no_idc_mean - reach - _TAIL * wide, scores.idc_mean + reach + _TAIL * wide
        self._floor = scores.floor
        self._low, self._bins = low, int(np.ceil((high - low) / self.step))
        at: Values = low + (np.arange(-steps, self._bins + steps, dtype=np.float64) + 0.5) * self.step
        # of the bins, and so many more on each side as the shifts reach
        self.log_idc, self.log_rest = _log_densities(at, scores)
        self.log_ratio = log_ratio(at, scores)

    def counts(self, mean_logits: NDArray[np.floating]) -> Values:
        """The histogram of scores, shape (bins,)."""
        kept = np.maximum(mean_logits.astype(np.float64), self._floor)
        places = ((kept - self._low) / self.step).astype(np.intp)
        return np.bincount(places.clip(0, self._bins - 1), minlength=self._bins).astype(np.float64)

    def over_cells(self, values: Values, counts: Values) -> Values:
        """The sum over all cells of a function of the logit, for each shift.

        Args:
            values: The function at the bins and beyond, for each prevalence: shape (prevalences, bins + shifts - 1).
            counts: The histogram.

        Returns:
            Shape (shifts, prevalences).
        """
        sums: Values = correlate(values, counts[None], mode="valid", method="fft")
        return sums[:, ::-1].T  # a slide that is shifted up has the density further down


def _log_densities(mean_logits: Values, scores: SlideScores) -> tuple[Values, Values]:
    """The logarithms of the densities of IDC and of the rest, on a slide that is not shifted."""
    idc = norm.logpdf(mean_logits, scores.idc_mean, scores.idc_deviation)
    rest = norm.logpdf(mean_logits, scores.no_idc_mean, scores.no_idc_deviation)
    stray = np.log(_STRAY)
    return np.logaddexp(idc, stray), np.logaddexp(rest, stray)


def log_ratio(mean_logits: Values, scores: SlideScores) -> Values:
    """The logarithm of the density of IDC over that of the rest, on a slide that is not shifted.

    Of two normal densities, the wider one is the larger in both tails. There the ratio stays at its extreme instead, so
    that a higher score never speaks against IDC.
    """
    of_idc, of_rest = scores.idc_deviation**-2, scores.no_idc_deviation**-2
    narrower = of_idc - of_rest
    if narrower:
        turn = (scores.idc_mean * of_idc - scores.no_idc_mean * of_rest) / narrower
        mean_logits = np.minimum(mean_logits, turn) if narrower > 0 else np.maximum(mean_logits, turn)
    idc = norm.logpdf(mean_logits, scores.idc_mean, scores.idc_deviation)
    return np.asarray(idc - norm.logpdf(mean_logits, scores.no_idc_mean, scores.no_idc_deviation))


def equal_density(scores: SlideScores) -> float:
    """The logit between the two means at which IDC and the rest are equally dense, on a slide that is not shifted.

    Where no such logit lies between the means, it is the middle of the two.
    """
    of_idc, of_rest = scores.idc_deviation**-2, scores.no_idc_deviation**-2
    square = of_rest - of_idc
    linear = 2 * (scores.idc_mean * of_idc - scores.no_idc_mean * of_rest)
    constant = scores.no_idc_mean**2 * of_rest - scores.idc_mean**2 * of_idc
    constant += 2 * float(np.log(scores.no_idc_deviation / scores.idc_deviation))
    roots = np.roots([square, linear, constant])
    between = [x for x in roots[np.isreal(roots)].real.tolist() if scores.no_idc_mean <= x <= scores.idc_mean]
    return float(between[0]) if between else (scores.no_idc_mean + scores.idc_mean) / 2
