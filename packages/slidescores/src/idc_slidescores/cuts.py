"""The cut of a slide: the model's own, or one that was fitted to the slide."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logit

from idc_contracts.bundle import SlideScores
from idc_contracts.decision import Thresholds
from idc_contracts.slides import SlideCut

LEAST_CELLS: Final = 300
"""With fewer cells a slide's shift and its share of IDC cannot be told apart."""
_EDGE: Final = 1e-6
"""A threshold of 0.0 or 1.0 has an infinite logit."""


@dataclass(frozen=True)
class FittedCut:
    """A cut on the mean logit of a cell and its neighbours."""

    slide_cut: SlideCut
    """What the slide's record holds, with the explanation in words."""

    @property
    def logit(self) -> float:
        """Cells at or above it count as IDC."""
        return self.slide_cut.logit

    @property
    def low(self) -> float:
        """Cells below it are `no_idc`."""
        return self.slide_cut.low_logit

    @property
    def high(self) -> float:
        """Cells at or above it are `idc`."""
        return self.slide_cut.high_logit


def model_cut(thresholds: Thresholds, scores: SlideScores | None, why: str = "") -> FittedCut:
    """The model's own cuts, for a slide that none can be fitted to.

    Args:
        thresholds: Of the model.
        scores: Of the model; None if it has none.
        why: A sentence that says why none was fitted; empty says that the model cannot be fitted to a slide.
    """
    low, high = (float(logit(np.clip(p, _EDGE, 1 - _EDGE))) for p in (thresholds.no_idc_below, thresholds.idc_from))
    between = 0.0 if scores is None else equal_density(scores)
    why = why or "This model holds no distribution of a slide's scores, so the cut could not be fitted to this slide."
    return FittedCut(
        SlideCut(
            logit=min(max(between, low), high),
            low_logit=low,
            high_logit=high,
            moved_by=0.0,
            explanation=f"{why} The model's own thresholds decide.",
        )
    )


def equal_density(scores: SlideScores) -> float:
    """The logit between the two means at which IDC and the rest are equally dense, on a slide that is not shifted."""
    variances = scores.idc_deviation**2, scores.no_idc_deviation**2
    a = 1 / variances[1] - 1 / variances[0]
    b = 2 * (scores.idc_mean / variances[0] - scores.no_idc_mean / variances[1])
    c = scores.no_idc_mean**2 / variances[1] - scores.idc_mean**2 / variances[0]
    c -= 2 * float(np.log(scores.idc_deviation / scores.no_idc_deviation))
    low, high = sorted((scores.no_idc_mean, scores.idc_mean))
    between = [float(root.real) for root in np.roots([a, b, c]) if abs(root.imag) < _EDGE and low <= root.real <= high]
    return between[0] if between else (low + high) / 2
