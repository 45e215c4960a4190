"""Decisions and areas by a slide's cut."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.decision import Decision
from idc_contracts.slides import SlideArea
from idc_slidescores.cuts import FittedCut

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
    """
    places = (mean_logits >= cut.low).astype(np.intp) + (mean_logits >= cut.high)
    if has_reason is not None:
        places = np.where(has_reason, 1, places)
    return np.asarray(_DECISIONS[places])


def idc_area(mean_logits: NDArray[np.floating], cut: FittedCut, cell_mm2: float = CELL_MM2) -> SlideArea:
    """The area of the cells at or above the cut, with its 95 % interval where the cut was fitted.

    Args:
        mean_logits: Of the cells and their neighbours, shape (N,).
        cut: Of the slide.
        cell_mm2: The area of a cell.
    """
    low, area, high = (float((mean_logits >= value).sum()) * cell_mm2 for value in (cut.high, cut.logit, cut.low))
    if cut.slide_cut.deviation is None:
        return SlideArea(mm2=area)
    return SlideArea(mm2=area, low_mm2=low, high_mm2=high)
