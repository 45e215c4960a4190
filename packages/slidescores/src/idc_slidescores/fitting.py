"""Fits a slide's shift and its share of IDC to its own scores and to the cells that people reviewed."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import norm

from idc_contracts.bundle import SlideScores
from idc_contracts.decision import Thresholds
from idc_contracts.slides import SlideCut
from idc_slidescores.cuts import LEAST_CELLS, FittedCut, equal_density, model_cut

_PREVALENCES: Final = np.linspace(0.01, 0.99, 50)
_SHIFTS: Final = 161
_REACH: Final = 4.0
_INTERVAL: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Reviewed:
    """Cells that people reviewed; `unsure` counts for nothing and stays out."""

    mean_logits: NDArray[np.floating] = field(default_factory=lambda: np.empty(0, np.float32))
    """Of the cell and its neighbours, shape (R,)."""
    is_idc: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """The verdict, shape (R,)."""

    def __len__(self) -> int:
        return len(self.is_idc)


NONE_REVIEWED: Final = Reviewed()


def fit_cut(
    mean_logits: NDArray[np.floating],
    scores: SlideScores | None,
    thresholds: Thresholds,
    reviewed: Reviewed = NONE_REVIEWED,
) -> FittedCut:
    """The cut that fits a slide; the model's own cuts for fewer than `LEAST_CELLS` cells, or without `scores`.

    Args:
        mean_logits: Of the slide's N screened cells and their neighbours, shape (N,), in any order; reviewed cells are
            among them.
        scores: Of the model that scored the slide.
        thresholds: Of the same model.
        reviewed: The cells that people reviewed.
    """
    if scores is None:
        return model_cut(thresholds, scores)
    if len(mean_logits) < LEAST_CELLS:
        return model_cut(
            thresholds, scores, f"A cut is fitted from {LEAST_CELLS} cells on, and this slide has {len(mean_logits)}."
        )
    shifts = np.linspace(-_REACH, _REACH, _SHIFTS) * scores.shift_deviation
    log_idc, log_rest = (
        norm.logpdf(mean_logits[:, None].astype(np.float64), mean + shifts, deviation)
        for mean, deviation in (
            (scores.idc_mean, scores.idc_deviation),
            (scores.no_idc_mean, scores.no_idc_deviation),
        )
    )
    own = (
        np.stack([np.logaddexp(log_idc + np.log(p), log_rest + np.log1p(-p)).sum(axis=0) for p in _PREVALENCES], axis=1)
        / scores.window**2
    )
    means = np.where(reviewed.is_idc, scores.idc_mean, scores.no_idc_mean)[:, None] + shifts
    deviations = np.where(reviewed.is_idc, scores.idc_deviation, scores.no_idc_deviation)[:, None]
    own += norm.logpdf(reviewed.mean_logits[:, None].astype(np.float64), means, deviations).sum(axis=0)[:, None]
    own += norm.logpdf(shifts, 0.0, scores.shift_deviation)[:, None]
    weights = np.exp(own - logsumexp(own))
    of_shift = weights.sum(axis=1)
    shift = float(of_shift @ shifts)
    low, high = np.interp(_INTERVAL, np.cumsum(of_shift), shifts)
    cut = equal_density(scores)
    return FittedCut(
        SlideCut(
            logit=cut + shift,
            low_logit=min(cut + float(low), cut + shift),
            high_logit=max(cut + float(high), cut + shift),
            moved_by=shift,
            deviation=float(np.sqrt(of_shift @ (shifts - shift) ** 2)),
            prevalence=float(weights.sum(axis=0) @ _PREVALENCES),
            reviews=len(reviewed),
            explanation=_explained(shift),
        )
    )


def _explained(shift: float) -> str:
    return f"The cut moved by {shift:+.1f}: this slide scores {'high' if shift > 0 else 'low'} as a whole."
