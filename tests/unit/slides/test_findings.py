"""What is said of a slide follows from its cells, its cut and its reviews."""

from datetime import UTC, datetime

import numpy as np
import pytest

from idc_contracts import Decision, ModelRef, Reason, Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_contracts.slides import CellReview, SlideGrid, SlideVerdict
from idc_slides.findings.conclusion import UNREADABLE, conclude, decide
from idc_slides.findings.decided import agreed_verdicts, decide_slide
from idc_slides.records.cells import CellGrid, ScreeningModel, reason_bits
from idc_slides.records.slides import FileState, Location, new_slide

MODEL = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64), thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6)
)
SCORES = SlideScores(
    window=3,
    idc_mean=2.0,
    idc_deviation=1.0,
    no_idc_mean=-2.0,
    no_idc_deviation=1.0,
    shift_deviation=1.0,
    patients=9,
)
SLIDE = new_slide(Location("folder", "s.svs"), FileState(1, 1), received_by="folder").slide.model_copy(
    update={"grid": SlideGrid(columns=10, rows=10, pitch_px=400.0)}
)


def grid_of(logits: np.ndarray) -> CellGrid:
    return CellGrid(logits.astype(np.float32), np.zeros(logits.shape, np.uint8), np.zeros(logits.shape, np.uint8))


def review(column: int, row: int, verdict: SlideVerdict, reviewer: str = "a") -> CellReview:
    return CellReview(
        column=column, row=row, verdict=verdict, reviewer=reviewer, reviewed_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("idc_mm2", "reach_mm2", "judged", "decision"),
    [
        (1.0, 2.0, 1.0, Decision.IDC),
        (1.0, 1.0, 0.1, Decision.IDC),
        (0.9, 1.0, 1.0, Decision.UNCERTAIN),
        (0.0, 0.9, 0.4, Decision.UNCERTAIN),
        (0.0, 0.9, 0.5, Decision.NO_IDC),
    ],
)
def test_the_slide_is_decided_by_area_interval_and_share_that_was_judged(
    idc_mm2: float, reach_mm2: float, judged: float, decision: Decision
) -> None:
    assert decide(idc_mm2, reach_mm2, judged, 1.0) is decision


def test_areas_and_counts_are_those_of_the_cells() -> None:
    logits = np.full((12, 10), -3.0)
    logits[3:9, 2:8] = 3.0
    logits[0] = np.nan
    grid = grid_of(logits).with_cause(np.isnan(logits), "glass")

    slide = conclude(SLIDE, decide_slide(MODEL, grid), (), 1.0)

    assert (slide.counts.cells, slide.counts.tissue, slide.counts.left_out) == (120, 110, {"glass": 10})
    assert slide.counts.idc + slide.counts.no_idc + slide.counts.uncertain == 110
    assert slide.tissue is not None
    assert slide.tissue.mm2 == 4.4
    assert slide.idc is not None
    assert slide.idc.mm2 == pytest.approx(36 * 0.04)
    assert slide.decision is Decision.IDC


def test_cells_with_a_reason_are_uncertain_and_no_area_of_idc() -> None:
    grid = grid_of(np.full((10, 10), 3.0))
    grid.reasons[:, :9] = reason_bits((Reason.OUT_OF_FOCUS,))

    slide = conclude(SLIDE, decide_slide(MODEL, grid), (), 1.0)

    assert (slide.counts.uncertain, slide.counts.reasons) == (90, {Reason.OUT_OF_FOCUS: 90})
    assert slide.idc is not None
    assert slide.idc.mm2 == 0.4
    assert slide.decision is Decision.UNCERTAIN, "nine tenths could not be judged"


def test_cells_that_could_not_be_read_make_a_slide_without_finding_uncertain() -> None:
    logits = np.full((10, 10), -3.0)
    logits[:6] = np.nan
    grid = grid_of(logits).with_cause(np.isnan(logits), UNREADABLE)

    slide = conclude(SLIDE, decide_slide(MODEL, grid), (), 1.0)

    assert slide.decision is Decision.UNCERTAIN


@pytest.mark.parametrize(
    ("unread", "decision"), [(24, Decision.NO_IDC), (25, Decision.UNCERTAIN), (1920, Decision.UNCERTAIN)]
)
@pytest.mark.parametrize("scores", [None, SCORES])
def test_slide_without_a_finding_is_uncertain_where_what_was_not_read_could_hold_the_minimum(
    unread: int, decision: Decision, scores: SlideScores | None
) -> None:
    logits = np.full((40, 100), -3.0)
    logits.flat[:unread] = np.nan
    grid = grid_of(logits).with_cause(np.isnan(logits), UNREADABLE)

    slide = conclude(SLIDE, decide_slide(MODEL.model_copy(update={"scores": scores}), grid), (), 1.0)

    assert slide.quality["judged"] > 0.5
    assert slide.decision is decision


def test_area_that_could_not_be_read_is_told_once_beside_the_other_warnings() -> None:
    logits = np.full((40, 100), -3.0)
    logits[:, :48] = np.nan
    grid = grid_of(logits).with_cause(np.isnan(logits), UNREADABLE)
    decided = decide_slide(MODEL, grid)

    slide = conclude(SLIDE.model_copy(update={"warnings": ("The colours were corrected.",)}), decided, (), 1.0)

    assert slide.warnings == (
        "The colours were corrected.",
        "Tissue that could not be read, and may be IDC: 76.80 mm². Copy the file again from the scanner.",
    )
    assert conclude(slide, decided, (), 1.0).warnings == slide.warnings


def test_slide_that_was_read_as_a_whole_has_no_warning() -> None:
    assert conclude(SLIDE, decide_slide(MODEL, grid_of(np.full((9, 9), -3.0))), (), 1.0).warnings == ()


def test_reviews_count_by_majority_and_divided_ones_not_at_all() -> None:
    reviews = [
        review(0, 0, SlideVerdict.IDC),
        review(1, 0, SlideVerdict.IDC),
        review(1, 0, SlideVerdict.NO_IDC, "b"),
        review(2, 0, SlideVerdict.UNSURE),
        review(0, 1, SlideVerdict.NO_IDC),
    ]

    rows, columns, is_idc = agreed_verdicts(reviews, np.ones((3, 3), np.bool_))

    assert (columns.tolist(), rows.tolist(), is_idc.tolist()) == ([0, 0], [0, 1], [True, False])


def test_reviews_move_the_cut_of_a_slide_with_many_cells() -> None:
    logits = np.random.default_rng(3).choice([-2.5, 1.5], (20, 20)) + np.random.default_rng(4).normal(0, 0.5, (20, 20))
    model, grid = MODEL.model_copy(update={"scores": SCORES}), grid_of(logits)

    before = decide_slide(model, grid).cut
    after = decide_slide(model, grid, [review(column, 3, SlideVerdict.NO_IDC) for column in range(20)]).cut

    assert after.slide_cut.reviews == 20
    assert after.logit > before.logit


def test_reviews_move_the_scores_around_them_and_so_the_areas() -> None:
    logits = np.random.default_rng(3).choice([-2.5, 1.5], (20, 20)) + np.random.default_rng(4).normal(0, 0.5, (20, 20))
    model, grid = (
        MODEL.model_copy(update={"scores": SCORES.model_copy(update={"verdict_deviation": 0.7})}),
        grid_of(logits),
    )
    reviews = [review(column, 3, SlideVerdict.NO_IDC) for column in range(20)]

    before, after = decide_slide(model, grid), decide_slide(model, grid, reviews)

    assert (after.means[2:5] < before.means[2:5]).all()
    assert (after.means[15:] == before.means[15:]).all()
    areas = [conclude(SLIDE, decided, (), 1.0).idc for decided in (before, after)]
    assert areas[0] is not None
    assert areas[1] is not None
    assert areas[1].mm2 < areas[0].mm2
