"""From the scores of a slide's cells to decisions: neighbourhood, fitted cut, areas and the next cells to review.

A *cell* is one 50 x 50 px patch of the slide at 4.0 um/px. Its *logit* is ln(P / (1 - P)) of the calibrated P(IDC).
"""

from idc_slidescores.cuts import FittedCut, model_cut
from idc_slidescores.deciding import decide_cells, idc_area
from idc_slidescores.fitting import LEAST_CELLS, fit_cut
from idc_slidescores.neighbourhood import cell_scores, logits_of, neighbourhood_mean
from idc_slidescores.operating import operating_points
from idc_slidescores.posterior import NONE_REVIEWED, Reviewed
from idc_slidescores.reviewing import next_reviews
from idc_slidescores.verdicts import spread_verdicts

__all__ = [
    "LEAST_CELLS",
    "NONE_REVIEWED",
    "FittedCut",
    "Reviewed",
    "cell_scores",
    "decide_cells",
    "fit_cut",
    "idc_area",
    "logits_of",
    "model_cut",
    "neighbourhood_mean",
    "next_reviews",
    "operating_points",
    "spread_verdicts",
]
