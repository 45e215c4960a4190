"""A reader sees another's answer only after an own one, and what was seen is not counted as blind."""

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from idc_contracts import ModelRef, Thresholds
from idc_contracts.slides import CellReview, ReviewsToRecord, SlideGrid, SlideState, SlideVerdict
from idc_slides.errors import BadInput, NotFound, WrongState
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.reviews_store import ReviewsStore
from idc_slides.records.slides import FileState, Location, new_slide
from idc_slides.records.slides_store import SlidesStore
from idc_slides.reviews.reviewing import Reviewing
from idc_slides.sql.database import open_database
from support.made_slide_scores import SCORES

MODEL: Final = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64),
    thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6),
    scores=SCORES,
)
SIDE: Final = 20
IDC, NO_IDC, UNSURE = SlideVerdict.IDC, SlideVerdict.NO_IDC, SlideVerdict.UNSURE


class Readers:
    """A slide that is done, and people who read it."""

    def __init__(self, folder: Path) -> None:
        database = open_database(f"sqlite:///{folder / 'slides.sqlite3'}")
        store, queue = SlidesStore(database), QueueStore(database)
        slide, _ = store.add_one(new_slide(Location("folder", "s.svs"), FileState(1, 1), received_by="folder"))
        self.slide_id = slide.id
        claimed = queue.claim("w")
        assert claimed is not None
        shape = (SIDE, SIDE)
        logits = np.random.default_rng(0).normal(0, 2, shape).astype(np.float32)
        done = claimed.slide.model_copy(
            update={"state": SlideState.DONE, "grid": SlideGrid(columns=SIDE, rows=SIDE, pitch_px=50.0)}
        )
        queue.finish(done, "w", MODEL, CellGrid(logits, np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)))
        self.reviewing = Reviewing(store, CellsStore(database), ReviewsStore(database), minimum_idc_mm2=1.0)

    def says(self, reader: str, verdict: SlideVerdict, *cells: tuple[int, int]) -> None:
        given = ReviewsToRecord(cells=cells or ((1, 2),), verdict=verdict)
        self.reviewing.review_all(self.slide_id, given, reader)

    def withdraws(self, reader: str) -> None:
        self.reviewing.withdraw(self.slide_id, 1, 2, reader)

    def sees(self, reader: str) -> dict[str, SlideVerdict]:
        return {review.reviewer: review.verdict for review in self._shown(reader)}

    def blind(self, reader: str) -> dict[str, SlideVerdict | None]:
        return {review.reviewer: review.blind_verdict for review in self._shown(reader)}

    def _shown(self, reader: str) -> list[CellReview]:
        return self.reviewing.reviews(self.slide_id, reader)

    def asked(self, reader: str, *, second: bool) -> list[tuple[int, int]]:
        found = self.reviewing.next(self.slide_id, 100, reader, second=second)
        return [(cell.column, cell.row) for cell in found]


@pytest.fixture
def readers(tmp_path: Path) -> Readers:
    return Readers(tmp_path)


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
