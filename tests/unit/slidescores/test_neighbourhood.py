"""The neighbourhood's mean, and logits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from idc_slidescores import cell_scores, logits_of, neighbourhood_mean
from support.made_slide_scores import SCORES

WINDOWS = st.sampled_from([1, 3, 5, 9])
GRIDS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=8),
    elements=st.one_of(st.floats(-16, 16), st.just(float("nan"))),
)


def test_nearer_neighbours_weigh_more() -> None:
    logits = np.zeros((5, 5))
    logits[2, 2] = 16.0

    means = neighbourhood_mean(logits, 3)

    np.testing.assert_array_equal(means[1:4, 1:4], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert means.sum() == 16


def test_only_cells_with_a_logit_count() -> None:
    logits = np.array([[8.0, np.nan, 2.0]])

    np.testing.assert_array_equal(neighbourhood_mean(logits, 3), np.array([[8.0, np.nan, 2.0]], np.float32))


def test_cell_at_the_edge_is_the_mean_of_what_is_there() -> None:
    np.testing.assert_allclose(neighbourhood_mean(np.array([[3.0, 0.0]]), 3), [[2.0, 1.0]])


@given(GRIDS, WINDOWS)
def test_mean_lies_within_the_logits_and_exists_where_the_logit_does(logits: NDArray[np.float64], window: int) -> None:
    means = neighbourhood_mean(logits, window)

    known = ~np.isnan(logits)
    np.testing.assert_array_equal(~np.isnan(means), known)
    if known.any():
        assert np.nanmin(logits) - 1e-4 <= means[known].min()
        assert means[known].max() <= np.nanmax(logits) + 1e-4


@given(GRIDS, WINDOWS, st.floats(-5, 5))
def test_shifted_logits_have_shifted_means(logits: NDArray[np.float64], window: int, shift: float) -> None:
    np.testing.assert_allclose(
        neighbourhood_mean(logits + shift, window), neighbourhood_mean(logits, window) + shift, atol=1e-4
    )


@given(GRIDS, WINDOWS)
def test_turned_slide_has_turned_means(logits: NDArray[np.float64], window: int) -> None:
    np.testing.assert_allclose(
        neighbourhood_mean(np.rot90(logits), window), np.rot90(neighbourhood_mean(logits, window)), atol=1e-4
    )


@given(GRIDS, WINDOWS)
def test_mean_evidence_lies_between_the_mean_logit_and_the_highest_logit(
    logits: NDArray[np.float64], window: int
) -> None:
    evidence, means = neighbourhood_mean(logits, window, "evidence"), neighbourhood_mean(logits, window)

    known = ~np.isnan(logits)
    np.testing.assert_array_equal(~np.isnan(evidence), known)
    if known.any():
        assert (evidence[known] >= means[known] - 1e-3).all()
        assert evidence[known].max() <= np.nanmax(logits) + 1e-3


def test_mean_evidence_is_that_of_the_geometric_mean_of_what_speaks_against_idc() -> None:
    probability = np.array([[0.9, 0.3]])

    found = neighbourhood_mean(logits_of(probability), 3, "evidence")

    against = 1 - 1 / (1 + np.exp(-found[0, 0]))
    assert against == pytest.approx(0.1 ** (2 / 3) * 0.7 ** (1 / 3), abs=1e-5)


def test_small_focus_among_cells_that_are_surely_no_idc_keeps_its_score_by_the_evidence() -> None:
    logits = np.full((21, 21), -9.0)
    logits[9:12, 9:12] = 4.0

    assert neighbourhood_mean(logits, 13)[10, 10] < 0
    assert neighbourhood_mean(logits, 13, "evidence")[10, 10] > 0


def test_model_says_how_its_scores_are_averaged() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (9, 9))
    by_evidence = SCORES.model_copy(update={"window": 5, "mean": "evidence"})

    np.testing.assert_array_equal(cell_scores(logits, by_evidence), neighbourhood_mean(logits, 5, "evidence"))
    np.testing.assert_array_equal(cell_scores(logits, SCORES), neighbourhood_mean(logits, SCORES.window))
    np.testing.assert_array_equal(cell_scores(logits, None), neighbourhood_mean(logits, 3))


@pytest.mark.parametrize("window", [-1, 0, 2, 4])
def test_window_without_a_middle_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match="take an odd number"):
        neighbourhood_mean(np.zeros((3, 3)), window)


@given(st.floats(0.001, 0.999))
def test_logit_gives_the_probability_back(probability: float) -> None:
    logit = float(logits_of(np.array([probability]))[0])

    assert 1 / (1 + np.exp(-logit)) == pytest.approx(probability, abs=1e-6)


def test_sure_probabilities_have_finite_logits() -> None:
    logits = logits_of(np.array([0.0, 1.0, np.nan], np.float32))

    assert logits[0] == pytest.approx(-16.1, abs=0.1)
    assert logits[1] == pytest.approx(16.1, abs=0.1)
    assert np.isnan(logits[2])
