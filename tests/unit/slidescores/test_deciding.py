"""Decisions and areas by a cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_contracts import Decision
from idc_slidescores import decide_cells, fit_cut, idc_area, model_cut
from support.made_slides import SCORES, THRESHOLDS, made_slide


def test_cells_are_decided_below_within_and_above_the_interval_of_the_cut() -> None:
    cut = fit_cut(made_slide(1000, 0.3)[0], SCORES, THRESHOLDS)
    below = np.nextafter(cut.low, -9), np.nextafter(cut.high, -9)

    decisions = decide_cells(np.array([below[0], cut.low, cut.logit, below[1], cut.high]), cut)

    assert decisions.tolist() == [Decision.NO_IDC, *[Decision.UNCERTAIN] * 3, Decision.IDC]


def test_cell_with_a_reason_is_uncertain_whatever_it_scores() -> None:
    decisions = decide_cells(np.array([-9.0, 9.0, 9.0]), model_cut(THRESHOLDS, None), np.array([True, True, False]))

    assert decisions.tolist() == [Decision.UNCERTAIN, Decision.UNCERTAIN, Decision.IDC]


def test_cell_without_a_logit_is_not_decided() -> None:
    with pytest.raises(ValueError, match="1 cells have no logit"):
        decide_cells(np.array([1.0, np.nan]), model_cut(THRESHOLDS, None))


@given(st.floats(0.02, 0.95), st.floats(-1.2, 1.2), st.integers(0, 9))
@settings(max_examples=40)
def test_area_is_that_of_the_truth_within_its_interval(prevalence: float, shift: float, seed: int) -> None:
    logits, truth = made_slide(5000, prevalence, shift, seed)

    area = idc_area(logits, fit_cut(logits, SCORES, THRESHOLDS))

    assert area.low_mm2 is not None
    assert area.high_mm2 is not None
    assert area.low_mm2 <= area.mm2 <= area.high_mm2 <= 200 + 1e-6
    margin = 0.05 * 200
    assert area.low_mm2 - margin <= truth.sum() * 0.04 <= area.high_mm2 + margin
    assert area.mm2 == pytest.approx(truth.sum() * 0.04, abs=25)


def test_slide_without_idc_has_little_area_though_cells_lie_above_the_cut() -> None:
    logits, _ = made_slide(5000, 0.0)
    cut = fit_cut(logits, SCORES, THRESHOLDS)

    assert (logits >= cut.logit).sum() * 0.04 > 8
    assert idc_area(logits, cut).mm2 < 4


def test_area_without_a_fitted_cut_is_that_of_the_cells_above_it_and_has_no_interval() -> None:
    area = idc_area(np.array([-1.0, 0.0, 2.0, np.nan]), model_cut(THRESHOLDS, None), cell_mm2=0.5)

    assert (area.mm2, area.low_mm2, area.high_mm2) == (1.0, None, None)


def test_no_cells_have_no_area() -> None:
    cut = fit_cut(made_slide(1000, 0.3)[0], SCORES, THRESHOLDS)

    assert idc_area(np.empty(0), cut).mm2 == 0
