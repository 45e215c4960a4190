"""Decisions and areas by a slide's cut."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.decision import Decision
from idc_contracts.slides import SlideArea
from idc_slidescores.cuts import FittedCut
from idc_slidescores.fitting import INTERVAL
from idc_slidescores.posterior import quantiles

_DECISIONS: Final = np.array([Decision.NO_IDC, Decision.UNCERTAIN, Decision.IDC], np.object_)
CELL_MM2: Final = 0.04
"""200 x 200 um."""


def decide_cells(
    mean_logits: NDArray[np.floating], cut: FittedCut, has_reason: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """The decision for each cell.

    Args:
        mean_logits: Of the cells and their neighbours, shape (N,).
        cut: Of the slide.
        has_reason: Which cells are `uncertain` whatever they score, such as those out of focus, shape (N,).

    Returns:
        `Decision` objects, shape (N,).

    Raises:
        ValueError: A cell has no logit.
    """
    if np.isnan(mean_logits).any():
        raise ValueError(f"{int(np.isnan(mean_logits).sum())} cells have no logit: decide only those that were scored")
    places = (mean_logits >= cut.low).astype(np.intp) + (mean_logits >= cut.high)
    if has_reason is not None:
        places = np.where(has_reason, 1, places)
    return np.asarray(_DECISIONS[places])


def idc_area(mean_logits: NDArray[np.floating], cut: FittedCut, cell_mm2: float = CELL_MM2) -> SlideArea:
    """The area of IDC with its 95 % interval; by the model's own cuts, the area at or above the cut without one.

    With a fitted cut each cell counts by its probability of being IDC on this slide. That is less than the area above
    the cut where there is little IDC: the cut weighs both classes alike, so that most cells just above it are not IDC.

    Args:
        mean_logits: Of the cells and their neighbours; NaN counts for nothing.
        cut: Of the slide.
        cell_mm2: The area of a cell.
    """
    cells, posterior = mean_logits[~np.isnan(mean_logits)], cut.posterior
    if posterior is None:
        return SlideArea(mm2=float((cells >= cut.logit).sum()) * cell_mm2)
    areas = posterior.idc_cells(cells) * cell_mm2
    mean = float((posterior.weights * areas).sum())
    low, high = quantiles(areas, posterior.weights, INTERVAL)
    return SlideArea(mm2=mean, low_mm2=min(low, mean), high_mm2=max(high, mean))
