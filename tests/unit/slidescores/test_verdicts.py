"""A verdict counts for the cells around it, too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idc_slidescores import FittedCut, fit_cut, model_cut, spread_verdicts
from support.made_slide_scores import SCORES, THRESHOLDS, made_slide

SPREADING = SCORES.model_copy(update={"verdict_deviation": 0.7})
SIDE = 20
SCORED = made_slide(SIDE * SIDE, 0.3)[0].reshape(SIDE, SIDE)
CUT = fit_cut(SCORED, SCORES, THRESHOLDS)
CELLS = st.lists(st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1)), min_size=1, max_size=60, unique=True)


def spread(
    scores: NDArray[np.float32], cells: list[tuple[int, int]], is_idc: list[bool], cut: FittedCut = CUT
) -> NDArray[np.float32]:
    rows, columns = np.array(cells, np.intp).reshape(-1, 2).T
    return spread_verdicts(scores, cut, SPREADING, rows, columns, np.array(is_idc, np.bool_))


def at_the_cut() -> NDArray[np.float32]:
    return np.full((SIDE, SIDE), CUT.logit, np.float32)


@pytest.mark.parametrize("is_idc", [True, False])
def test_verdict_moves_near_cells_its_way_and_leaves_far_ones(is_idc: bool) -> None:
    moved = spread(at_the_cut(), [(5, 5)], [is_idc]) - CUT.logit
    towards = moved if is_idc else -moved

    assert towards[5, 5] > towards[5, 7] > towards[5, 9] > 0
    assert towards[5, 7] == pytest.approx(towards[7, 5])
    assert np.abs(moved[16:, 16:]).max() == 0


def test_verdict_that_the_score_expects_moves_less_than_one_that_it_does_not() -> None:
    sure = np.full((SIDE, SIDE), CUT.logit + 3, np.float32)

    expected, unexpected = (np.abs(spread(sure, [(5, 5)], [is_idc]) - sure).max() for is_idc in (True, False))

    assert unexpected > 5 * expected


def test_agreeing_verdicts_side_by_side_add_up_and_opposite_ones_cancel() -> None:
    pair = [(5, 5), (5, 6)]

    one, both, opposite = (
        spread(at_the_cut(), cells, verdicts)[3, 5] - CUT.logit
        for cells, verdicts in ((pair[:1], [True]), (pair, [True, True]), (pair, [True, False]))
    )

    assert both > 1.5 * one
    assert abs(opposite) < 0.3 * one


@given(CELLS, st.randoms(use_true_random=False))
def test_order_of_the_verdicts_does_not_matter(cells: list[tuple[int, int]], random: object) -> None:
    verdicts = [bool((row + column) % 2) for row, column in cells]
    order = np.random.default_rng(len(cells)).permutation(len(cells))

    mixed = spread(SCORED, [cells[place] for place in order], [verdicts[place] for place in order])

    np.testing.assert_allclose(mixed, spread(SCORED, cells, verdicts), atol=1e-4)


@given(CELLS)
def test_verdicts_of_idc_lower_no_score(cells: list[tuple[int, int]]) -> None:
    assert (spread(SCORED, cells, [True] * len(cells)) >= SCORED - 1e-4).all()


def test_slide_of_which_every_cell_is_reviewed_agrees_with_its_reader() -> None:
    truth = np.zeros((SIDE, SIDE), np.bool_)
    truth[:10] = True
    cells = list(np.ndindex(SIDE, SIDE))

    moved = spread(at_the_cut(), cells, [bool(truth[cell]) for cell in cells])

    assert np.isfinite(moved).all()
    assert ((moved > CUT.logit) == truth).all()


def test_places_without_a_cell_stay_empty() -> None:
    holes = at_the_cut()
    holes[5, 6] = np.nan

    moved = spread(holes, [(5, 5)], [True])

    assert np.isnan(moved[5, 6])
    assert np.isnan(moved).sum() == 1


def test_verdict_moves_no_cell_beyond_ten_wherever_the_slide_ends() -> None:
    wide = np.full((40, 60), CUT.logit, np.float32)

    moved = spread(wide, [(0, 59), (2, 50)], [True, True]) - wide

    assert moved[12, 50] > 0
    assert moved[13:].max() == moved[:, :40].max() == 0


def test_verdict_on_a_cell_without_a_score_is_refused() -> None:
    holes = at_the_cut()
    holes[5, 6] = np.nan

    with pytest.raises(ValueError, match="1 reviewed cells have no score"):
        spread(holes, [(5, 6)], [True])


def test_models_that_do_not_say_how_far_verdicts_reach_keep_their_scores() -> None:
    rows, columns, is_idc = np.array([5]), np.array([5]), np.array([True])

    for scores in (SCORES, None):
        np.testing.assert_array_equal(spread_verdicts(SCORED, CUT, scores, rows, columns, is_idc), SCORED)


def test_nothing_moves_without_verdicts_or_where_the_models_own_cut_decides() -> None:
    np.testing.assert_array_equal(spread(SCORED, [], []), SCORED)
    np.testing.assert_array_equal(spread(SCORED, [(5, 5)], [True], model_cut(THRESHOLDS, SCORES)), SCORED)
