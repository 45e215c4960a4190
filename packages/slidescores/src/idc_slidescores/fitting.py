"""Fits the cut to a slide's own scores and to the cells that people reviewed, and says in words what came of it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.decision import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_contracts.slides import SlideCut
from idc_slidescores.cuts import FittedCut, model_cut
from idc_slidescores.grid import equal_density
from idc_slidescores.posterior import NONE_REVIEWED, Posterior, Reviewed, fit_posterior

LEAST_CELLS: Final = 300
"""With fewer cells a slide's shift and its share of IDC cannot be told apart."""
INTERVAL: Final = (0.025, 0.975)
SMALL: Final = 0.25
"""Such a shift, in deviations of the shift between slides, is an ordinary one."""
VAGUE: Final = 0.9
"""A posterior this wide, in deviations of the shift between slides, has learnt next to nothing from the slide."""


def fit_cut(
    mean_logits: NDArray[np.floating],
    scores: SlideScores | None,
    thresholds: Thresholds,
    reviewed: Reviewed = NONE_REVIEWED,
) -> FittedCut:
    """The cut that fits a slide; the model's own cuts for fewer than `LEAST_CELLS` cells, or without `scores`.

    The cut is the logit of equal density of both classes, moved by the slide's mean shift. Cells within the 95 %
    interval of the cut are `uncertain`.

    Args:
        mean_logits: Of the slide's cells and their neighbours, in any order and of any shape; NaN counts for nothing.
            Reviewed cells are among them.
        scores: Of the model that scored the slide.
        thresholds: Of the same model.
        reviewed: The cells that people reviewed.
    """
    if scores is None:
        return model_cut(thresholds, scores)
    cells = mean_logits[~np.isnan(mean_logits)]
    if len(cells) < LEAST_CELLS:
        return model_cut(thresholds, scores, _too_few(len(cells), len(reviewed)))
    posterior = fit_posterior(cells, scores, reviewed)
    between, shift = equal_density(scores), posterior.shift
    low, high = posterior.shift_quantiles(INTERVAL)
    slide_cut = SlideCut(
        logit=between + shift,
        low_logit=between + min(low, shift),
        high_logit=between + max(high, shift),
        moved_by=shift,
        deviation=posterior.deviation,
        prevalence=posterior.prevalence,
        reviews=len(reviewed),
        explanation=_explained(posterior, scores, len(reviewed)),
    )
    return FittedCut(slide_cut, posterior)


def _too_few(cells: int, reviews: int) -> str:
    unused = " Reviews do not move it." if reviews else ""
    return f"A cut is fitted to slides of at least {LEAST_CELLS} patches, and this one has {cells}.{unused}"


def _explained(posterior: Posterior, scores: SlideScores, reviews: int) -> str:
    sentences = [_moved(posterior.shift, scores)]
    if reviews:
        patches = "1 reviewed patch" if reviews == 1 else f"{reviews} reviewed patches"
        sentences.append(f"{patches} took part.")
    if reviews and scores.verdict_deviation:
        sentences.append("Reviews moved the scores of the patches around them.")
    if posterior.deviation > VAGUE * scores.shift_deviation:
        sentences.append("The scores hardly tell where the cut of this slide is: review some patches.")
    return " ".join(sentences)


def _moved(shift: float, scores: SlideScores) -> str:
    if abs(shift) < SMALL * scores.shift_deviation:
        return f"The cut moved by {shift:+.1f}: this slide scores like others as a whole."
    return f"The cut moved by {shift:+.1f}: this slide scores {'high' if shift > 0 else 'low'} as a whole."
