"""The cells that a reader is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_contracts.slides import CellToReview
from idc_slidescores import fit_cut, next_reviews
from support.made_slides import SCORES, THRESHOLDS, made_slide

MEANS = np.full((25, 30), np.nan, np.float32)
MEANS[2:22, 3:28] = made_slide(500, 0.3)[0].reshape(20, 25)
CUT = fit_cut(MEANS, SCORES, THRESHOLDS)


def cells_of(found: list[CellToReview]) -> list[tuple[int, int]]:
    return [(cell.column, cell.row) for cell in found]


def test_cells_nearest_the_cut_come_first() -> None:
    found = next_reviews(MEANS, CUT, (), 9)

    distances = [abs(MEANS[cell.row, cell.column] - CUT.logit) for cell in found]
    assert distances == sorted(distances)
    assert distances == pytest.approx(np.sort(np.abs(MEANS[~np.isnan(MEANS)] - CUT.logit))[:9])
    assert {cell.chosen for cell in found} == {"nearest_cut"}


@given(st.integers(0, 60), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_one_in_ten_is_drawn_at_random_whatever_was_reviewed_before(before: int, seed: int) -> None:
    reviewed = cells_of(next_reviews(MEANS, CUT, (), before, seed))

    found = next_reviews(MEANS, CUT, reviewed, 20, seed)

    assert sum(cell.chosen == "random" for cell in found) == 2
    assert not {*cells_of(found)} & {*reviewed}
    assert len({*cells_of(found)}) == 20


@given(st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_cells_asked_for_one_by_one_are_those_asked_for_at_once(count: int, seed: int) -> None:
    one_by_one: list[CellToReview] = []
    for _ in range(count):
        one_by_one += next_reviews(MEANS, CUT, cells_of(one_by_one), 1, seed)

    assert one_by_one == next_reviews(MEANS, CUT, (), count, seed)


def test_another_seed_draws_other_cells_at_random_and_the_same_near_the_cut() -> None:
    first, second = (next_reviews(MEANS, CUT, (), 10, seed) for seed in (1, 2))

    assert first[:9] == second[:9]
    assert first[9] != second[9]


def test_asking_for_more_than_is_left_gives_what_is_left() -> None:
    found = next_reviews(MEANS, CUT, (), 1000)

    assert len(found) == 500
    assert next_reviews(MEANS, CUT, cells_of(found), 5) == []
    assert all(not np.isnan(MEANS[cell.row, cell.column]) for cell in found)
