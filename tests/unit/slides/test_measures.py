"""What is told of a slide for the comparison with the training."""

import numpy as np
import pytest

from idc_contracts import Reason
from idc_slides.findings.measures import measures_of
from idc_slides.records.cells import CellGrid, reason_bits
from idc_slides.records.slides import FileState, Location, new_slide

SLIDE = new_slide(Location("folder", "s.svs"), FileState(1, 1), received_by="folder").slide


def test_measures_are_those_of_each_scored_patch_alone() -> None:
    logits = np.array([[0.0, 3.0, np.nan], [-3.0, -3.0, np.nan]], np.float32)
    reasons = np.zeros((2, 3), np.uint8)
    reasons[0, 0] = reason_bits((Reason.UNFAMILIAR, Reason.OUT_OF_FOCUS))
    reasons[0, 1] = reason_bits((Reason.OUT_OF_FOCUS,))

    found = measures_of(SLIDE, CellGrid(logits, reasons, np.zeros((2, 3), np.uint8)))

    assert found is not None
    assert (found.slide_id, found.patches, found.unfamiliar) == (SLIDE.id, 4, 0.25)
    assert found.probability == pytest.approx((0.5 + 0.952574 + 2 * 0.047426) / 4, abs=1e-5)
    assert found.probability_shares == (0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0.25)


def test_slide_of_glass_alone_has_no_measures() -> None:
    nothing = np.full((2, 2), np.nan, np.float32)

    assert measures_of(SLIDE, CellGrid(nothing, np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))) is None
