"""How well each cut separates both classes on validation slides, carried over to one slide."""

from typing import Final

import numpy as np
from scipy.stats import norm

from idc_contracts.slide_scores import SlideScores
from idc_contracts.slides import OperatingPoints
from idc_slidescores.cuts import FittedCut

_STEP: Final = 0.1
_TAIL: Final = 4.0
"""In deviations: beyond them nothing changes."""


def operating_points(scores: SlideScores | None, cut: FittedCut) -> OperatingPoints:
    """Sensitivity and specificity of a single cut, at cuts 0.1 logits apart.

    They are the tails of the two densities that training measured on held-out patients, moved by the slide's shift. How
    uncertain the shift is widens both: by its posterior where a cut was fitted, else by how far slides are shifted.

    Args:
        scores: Of the model that scored the slide; without them there are no figures.
        cut: Of the slide.
    """
    if scores is None:
        return OperatingPoints()
    shift, unknown = cut.slide_cut.moved_by, cut.slide_cut.deviation
    spread = scores.shift_deviation if unknown is None else unknown
    idc, rest = scores.idc_mean + shift, scores.no_idc_mean + shift
    of_idc, of_rest = float(np.hypot(scores.idc_deviation, spread)), float(np.hypot(scores.no_idc_deviation, spread))
    first, last = np.floor((rest - _TAIL * of_rest) / _STEP), np.ceil((idc + _TAIL * of_idc) / _STEP)
    logits = np.arange(first, last + 1) * _STEP
    return OperatingPoints(
        patients=scores.patients,
        shift_deviation=scores.shift_deviation,
        reviews_spread=scores.verdict_deviation > 0,
        logit=tuple(np.round(logits, 4).tolist()),
        sensitivity=tuple(np.round(norm.sf(logits, idc, of_idc), 4).tolist()),
        specificity=tuple(np.round(norm.cdf(logits, rest, of_rest), 4).tolist()),
    )
