"""A reader sees another's answer only after an own one; what was seen, of the model too, is not counted as blind."""

from pathlib import Path

import pytest

from idc_contracts.slides import ReviewsToRecord, SlideVerdict
from idc_slides.errors import BadInput, NotFound, WrongState
from support.made_slide_scores import SCORES
from support.slide_readers import SIDE, Readers

IDC, NO_IDC, UNSURE = SlideVerdict.IDC, SlideVerdict.NO_IDC, SlideVerdict.UNSURE


@pytest.fixture
def readers(tmp_path: Path) -> Readers:
    return Readers(f"sqlite:///{tmp_path / 'slides.sqlite3'}")


def test_second_reader_sees_nothing_of_a_cell_before_an_own_answer(readers: Readers) -> None:
    readers.says("ann", IDC)

    assert readers.sees("bob") == {}
    readers.says("bob", NO_IDC)
    assert readers.sees("bob") == {"ann": IDC, "bob": NO_IDC}
    assert readers.sees("ann") == {"ann": IDC, "bob": NO_IDC}


def test_answer_that_was_changed_after_seeing_counts_but_is_not_blind(readers: Readers) -> None:
    readers.says("ann", IDC)
    readers.says("bob", NO_IDC)
    readers.sees("bob")

    readers.says("bob", IDC)

    assert readers.sees("ann") == {"ann": IDC, "bob": IDC}
    assert readers.blind("ann") == {"ann": IDC, "bob": NO_IDC}


def test_answer_that_was_changed_before_seeing_is_blind(readers: Readers) -> None:
    readers.says("ann", IDC)
    readers.says("bob", NO_IDC)

    readers.says("bob", UNSURE)

    assert readers.blind("bob") == {"ann": IDC, "bob": UNSURE}


def test_answer_counts_as_unaided_until_its_reader_was_shown_the_models(readers: Readers) -> None:
    readers.says("ann", UNSURE, model_shown=False)
    readers.says("ann", NO_IDC, model_shown=False)
    assert readers.unaided("ann") is NO_IDC

    readers.says("ann", IDC, model_shown=True)
    readers.says("ann", UNSURE, model_shown=False)  # it was shown before

    assert (readers.sees("ann"), readers.unaided("ann")) == ({"ann": UNSURE}, NO_IDC)


@pytest.mark.parametrize("first", [True, None])
def test_answer_with_the_models_or_of_which_nothing_is_known_is_not_unaided(
    readers: Readers, first: bool | None
) -> None:
    readers.says("ann", IDC, model_shown=first)
    readers.says("ann", NO_IDC, model_shown=False)

    assert readers.unaided("ann") is None
    assert readers.blind("ann") == {"ann": NO_IDC}


def test_answer_after_anothers_was_seen_is_not_unaided(readers: Readers) -> None:
    readers.says("ann", IDC, model_shown=False)
    readers.says("bob", NO_IDC, model_shown=False)
    readers.sees("bob")

    readers.says("bob", IDC, model_shown=False)

    assert readers.unaided("bob") is NO_IDC


def test_answer_is_withdrawn_only_until_its_reader_has_seen_anothers(readers: Readers) -> None:
    readers.says("ann", IDC)
    readers.says("bob", NO_IDC)
    readers.withdraws("bob")
    readers.says("bob", IDC)
    readers.sees("bob")

    with pytest.raises(WrongState, match="bob has seen another reader's answer"):
        readers.withdraws("bob")
    readers.withdraws("ann")
    assert readers.sees("ann") == {}


def test_answers_to_other_cells_stay_sealed(readers: Readers) -> None:
    readers.says("ann", IDC, (1, 2), (3, 4))
    readers.says("bob", NO_IDC, (1, 2))
    readers.sees("bob")

    readers.says("bob", NO_IDC, (3, 4))
    readers.reviewing.withdraw(readers.slide_id, 3, 4, "bob")

    assert readers.sees("bob") == {"ann": IDC, "bob": NO_IDC}


def test_second_reader_is_asked_for_the_cells_of_the_first_and_the_first_for_others(readers: Readers) -> None:
    readers.says("ann", IDC, (1, 2), (3, 4), (5, 6))
    readers.says("bob", NO_IDC, (3, 4))

    assert readers.asked("bob", second=True) == [(1, 2), (5, 6)]
    assert readers.asked("eve", second=True) == [(1, 2), (5, 6), (3, 4)]
    assert readers.asked("ann", second=True) == []
    assert not {(1, 2), (3, 4), (5, 6)} & set(readers.asked("bob", second=False))


def test_one_answer_for_many_cells_is_stored_whole_or_not_at_all(readers: Readers) -> None:
    with pytest.raises(BadInput, match=f"column {SIDE}, row 0 was not screened"):
        readers.says("ann", IDC, (1, 2), (SIDE, 0))
    assert readers.sees("ann") == {}

    slide = readers.reviewing.review_all(
        readers.slide_id, ReviewsToRecord(cells=((1, 2), (3, 4), (1, 2)), verdict=IDC), "ann"
    )

    assert slide.counts.reviewed == 2
    assert slide.cut is not None
    assert slide.cut.reviews == 2


def test_withdrawing_what_was_never_said_is_refused(readers: Readers) -> None:
    with pytest.raises(NotFound, match="ann has not reviewed"):
        readers.withdraws("ann")


def test_validation_figures_are_those_of_the_model_that_scored_the_slide(readers: Readers) -> None:
    points = readers.reviewing.operating_points(readers.slide_id)

    assert points.patients == SCORES.patients
    assert len(points.logit) == len(points.sensitivity) == len(points.specificity) > 50
