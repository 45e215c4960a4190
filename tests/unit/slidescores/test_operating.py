"""Validation sensitivity and specificity of a cut are those of slides that follow the model's densities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_slidescores import fit_cut, model_cut, operating_points
from support.made_slide_scores import SCORES, THRESHOLDS, made_slide


@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_figures_at_the_fitted_cut_are_the_shares_of_a_shifted_slide(shift: float) -> None:
    logits, is_idc = made_slide(40_000, 0.4, shift)
    cut = fit_cut(logits, SCORES, THRESHOLDS)

    points = operating_points(SCORES, cut)

    sensitivity = np.interp(cut.logit, points.logit, points.sensitivity)
    specificity = np.interp(cut.logit, points.logit, points.specificity)
    assert sensitivity == pytest.approx((logits[is_idc] >= cut.logit).mean(), abs=0.05)
    assert specificity == pytest.approx((logits[~is_idc] < cut.logit).mean(), abs=0.05)
    assert points.patients == SCORES.patients


@given(st.floats(-2, 2), st.integers(0, 400))
def test_a_higher_cut_finds_less_and_spares_more(shift: float, cells: int) -> None:
    logits, _ = made_slide(cells, 0.3, shift)

    points = operating_points(SCORES, fit_cut(logits, SCORES, THRESHOLDS))

    assert (np.diff(points.logit) > 0).all()
    assert (np.diff(points.sensitivity) <= 0).all()
    assert (np.diff(points.specificity) >= 0).all()
    assert (points.sensitivity[0], points.specificity[-1]) == (
        pytest.approx(1.0, abs=0.01),
        pytest.approx(1.0, abs=0.01),
    )


def test_a_slide_whose_shift_is_not_known_has_flatter_figures_than_one_without_a_shift() -> None:
    logits, _ = made_slide(4000, 0.4)
    fitted = operating_points(SCORES, fit_cut(logits, SCORES, THRESHOLDS))
    unknown = operating_points(SCORES, model_cut(THRESHOLDS, SCORES))

    at = SCORES.idc_mean - 1.5
    assert np.interp(at, unknown.logit, unknown.sensitivity) < np.interp(at, fitted.logit, fitted.sensitivity)


def test_without_distributions_of_scores_there_are_no_figures() -> None:
    points = operating_points(None, model_cut(THRESHOLDS, None))

    assert (points.patients, points.logit, points.shift_deviation) == (0, (), None)
