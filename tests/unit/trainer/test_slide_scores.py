"""Slides are found by the positions of their patches, and training learns how their scores are distributed."""

import numpy as np
import pytest

from idc_trainer.evaluation.scored_patches import positions_px
from idc_trainer.evaluation.slide_layout import SlideLayout, dense_slides
from idc_trainer.learning.slide_scores import LEAST_SLIDES, learn_slide_scores
from support.scored_slides import held_out_slides, slides_index, tumour

SHIFTS = dict(zip("abcdefgh", (-0.8, -0.5, -0.2, 0.0, 0.1, 0.3, 0.5, 0.6), strict=True))


def _found(side: int = 20, step_px: int = 50) -> dict[str, SlideLayout]:
    index = slides_index({"a": tumour(side)}, step_px)
    return dense_slides(index.patients, *positions_px(index))


def test_slide_whose_patches_lie_side_by_side_is_found_with_its_places() -> None:
    index = slides_index({"z": tumour(4), "a": tumour(20)})

    found = dense_slides(index.patients, *positions_px(index))

    assert list(found) == ["a"]
    truth = found["a"].grid(index.labels[found["a"].patches])
    np.testing.assert_array_equal(truth, tumour(20))


@pytest.mark.parametrize(
    ("side", "step_px"), [(17, 50), (20, 100), (20, 1_000_000)], ids=["too few", "no neighbours", "far apart"]
)
def test_slide_with_few_or_scattered_patches_is_not_taken(side: int, step_px: int) -> None:
    assert _found(side, step_px) == {}


def test_patches_of_one_cell_count_once() -> None:
    """At half the distance, four patches begin in each cell: 1,600 patches are 400 cells, 900 are too few."""
    assert _found(40, 25)["a"].patches.size == 400
    assert _found(30, 25) == {}


def test_patches_without_a_position_are_on_no_slide() -> None:
    nowhere = np.full(400, -1, np.int32)

    assert dense_slides(np.full(400, "a"), nowhere, nowhere) == {}


def test_training_learns_the_distributions_and_the_shift_between_patients() -> None:
    index = slides_index(dict.fromkeys(SHIFTS, tumour()))

    scores = learn_slide_scores(held_out_slides(index, SHIFTS))

    assert scores is not None
    assert scores.patients == len(SHIFTS)
    # the neighbourhood draws the classes together at the edge of the tumour, and has less noise than a patch; single
    # patches that score high by chance lift the mean evidence
    assert 1.5 < scores.idc_mean < 2.2
    assert -0.5 < scores.no_idc_mean < 0.3
    assert 0.2 < scores.idc_deviation < 1.0
    assert scores.shift_deviation == pytest.approx(np.std(list(SHIFTS.values()), ddof=1), abs=0.1)


def test_large_slide_counts_no_more_than_a_small_one() -> None:
    small = slides_index(dict.fromkeys("abcdefgh", tumour()))
    large = slides_index({**dict.fromkeys("abcdefg", tumour()), "h": tumour(60)})
    shifts = {**dict.fromkeys("abcdefg", 0.0), "h": 4.0}

    found = [learn_slide_scores(held_out_slides(index, shifts)) for index in (small, large)]

    assert found[0] is not None
    assert found[1] is not None
    assert found[1].no_idc_mean == pytest.approx(found[0].no_idc_mean, abs=0.1)


def test_patients_with_scattered_patches_tell_of_the_shift() -> None:
    dense = slides_index(dict.fromkeys("abcd", tumour()))
    more = slides_index({**dict.fromkeys("abcd", tumour()), **dict.fromkeys("efghij", tumour(9))})
    shifts = {**dict.fromkeys("abcd", 0.0), **dict(zip("efghij", (-2, -1.5, -1, 1, 1.5, 2), strict=True))}

    without, with_them = (learn_slide_scores(held_out_slides(index, shifts)) for index in (dense, more))

    assert without is not None
    assert with_them is not None
    assert without.patients == with_them.patients == 4
    assert without.idc_mean == pytest.approx(with_them.idc_mean, abs=0.1)
    assert without.shift_deviation < 0.3
    assert with_them.shift_deviation > 1.0


def test_too_few_slides_give_no_distributions() -> None:
    few = dict.fromkeys("abcdefgh"[: LEAST_SLIDES - 1], tumour())

    assert learn_slide_scores(held_out_slides(slides_index(few), SHIFTS)) is None


def test_slides_of_one_class_give_no_distributions() -> None:
    healthy = dict.fromkeys(SHIFTS, np.zeros((20, 20), np.bool_))

    assert learn_slide_scores(held_out_slides(slides_index(healthy), SHIFTS)) is None


def test_scores_that_rank_the_wrong_way_give_no_distributions() -> None:
    index = slides_index(dict.fromkeys(SHIFTS, tumour()))
    held_out = held_out_slides(index, SHIFTS)
    upside_down = type(held_out)(index, 1 - held_out.probability, held_out.distance, held_out.qualities)

    assert learn_slide_scores(upside_down) is None
