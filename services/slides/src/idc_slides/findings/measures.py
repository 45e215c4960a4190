"""What the patches of a slide were like to the model: for the gateway, which compares them with the training."""

from typing import Final

import numpy as np

from idc_contracts import Reason
from idc_contracts.slides import Slide, SlideMeasures
from idc_contracts.training_reference import PROBABILITY_BINS
from idc_slides.records.cells import CellGrid, reason_bits

_UNFAMILIAR: Final = reason_bits((Reason.UNFAMILIAR,))


def measures_of(slide: Slide, grid: CellGrid) -> SlideMeasures | None:
    """The measures that the training has as well; None where no cell has a score.

    The share of uncertain patches is not among them: here a check of the focus adds to those of the model.
    """
    scored = grid.scored
    count = int(scored.sum())
    if not count:
        return None
    probabilities = 1 / (1 + np.exp(-grid.logits[scored].astype(np.float64)))
    shares = np.histogram(probabilities, PROBABILITY_BINS, (0.0, 1.0))[0] / count
    return SlideMeasures(
        slide_id=slide.id,
        finished_at=slide.finished_at,
        patches=count,
        probability=float(probabilities.mean()),
        unfamiliar=float((grid.reasons[scored] & _UNFAMILIAR > 0).mean()),
        probability_shares=tuple(shares.tolist()),
    )
