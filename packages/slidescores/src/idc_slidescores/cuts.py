"""The cut of a slide: the model's own, or one that was fitted to the slide."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logit

from idc_contracts.decision import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_contracts.slides import SlideCut
from idc_slidescores.grid import equal_density
from idc_slidescores.posterior import Posterior

_EDGE: Final = 1e-6
"""A threshold of 0.0 or 1.0 has an infinite logit."""


@dataclass(frozen=True)
class FittedCut:
    """A cut on the score of a cell with its neighbours, in logits."""

    slide_cut: SlideCut
    """What the slide's record holds, with the explanation in words."""
    posterior: Posterior | None = None
    """Of the slide's shift and share of IDC; None for the model's own cuts."""

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
        why: A sentence that says why none was fitted; by default, that the model lacks what it takes.
    """
    low, high = (float(logit(np.clip(p, _EDGE, 1 - _EDGE))) for p in (thresholds.no_idc_below, thresholds.idc_from))
    between = 0.0 if scores is None else equal_density(scores)
    why = (
        why or "This model does not say how the scores of a slide are distributed, so no cut was fitted to this slide."
    )
    slide_cut = SlideCut(
        logit=min(max(between, low), high),
        low_logit=low,
        high_logit=high,
        moved_by=0.0,
        explanation=f"{why} The model's own thresholds decide.",
    )
    return FittedCut(slide_cut)
