"""The cut follows the slide's own scores and its reviews, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import norm

from idc_contracts import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_slidescores import LEAST_CELLS, Reviewed, fit_cut, idc_area, model_cut
from idc_slidescores.deciding import CELL_MM2
from idc_slidescores.grid import equal_density, log_ratio
from support.made_slide_scores import SCORES, THRESHOLDS, made_slide

SHIFTS = st.floats(-1.5, 1.5)
PREVALENCES = st.floats(0.1, 0.9)
DEVIATIONS = st.floats(0.1, 3.0)
MODELS = st.builds(
    lambda low, gap, idc, rest, shift: SlideScores(
        window=3,
        idc_mean=low + gap,
        idc_deviation=idc,
        no_idc_mean=low,
        no_idc_deviation=rest,
        shift_deviation=shift,
        patients=9,
    ),
    st.floats(-5, 5),
    st.floats(0.1, 8),
    DEVIATIONS,
    DEVIATIONS,
    DEVIATIONS,
)


@given(SHIFTS, PREVALENCES, st.integers(0, 9))
@settings(max_examples=40)
def test_fit_finds_the_shift_and_the_share_of_idc(shift: float, prevalence: float, seed: int) -> None:
    logits, _ = made_slide(5000, prevalence, shift, seed)

    cut = fit_cut(logits, SCORES, THRESHOLDS).slide_cut

    assert cut.deviation is not None
    assert cut.prevalence == pytest.approx(prevalence, abs=0.12)
    assert abs(cut.moved_by - shift) < 4 * cut.deviation
    assert cut.moved_by == pytest.approx(shift, abs=0.5)


@given(st.floats(-0.5, 0.5), PREVALENCES, st.floats(0.2, 1.0), st.integers(0, 9))
@settings(max_examples=40)
def test_shifting_all_scores_moves_the_cut_by_nearly_as_much(
    shift: float, prevalence: float, more: float, seed: int
) -> None:
    """The prior holds a part of it back."""
    logits, _ = made_slide(5000, prevalence, shift, seed)

    before, after = (fit_cut(scores, SCORES, THRESHOLDS).logit for scores in (logits, logits + np.float32(more)))

    assert 0.6 * more < after - before < 1.02 * more


@given(st.permutations(range(40)), PREVALENCES)
def test_order_of_the_cells_does_not_matter(order: list[int], prevalence: float) -> None:
    logits, _ = made_slide(400, prevalence)
    mixed = logits.reshape(40, 10)[order].ravel()

    assert fit_cut(mixed, SCORES, THRESHOLDS).slide_cut == fit_cut(logits, SCORES, THRESHOLDS).slide_cut


def test_cells_without_a_logit_count_for_nothing() -> None:
    logits, _ = made_slide(400, 0.3)
    grid = np.full((30, 20), np.nan, np.float32)
    grid.flat[:400] = logits

    assert fit_cut(grid, SCORES, THRESHOLDS).slide_cut == fit_cut(logits, SCORES, THRESHOLDS).slide_cut


@given(
    arrays(np.float32, st.integers(LEAST_CELLS, 400), elements=st.floats(-16, 16, width=32)),
    MODELS,
    st.lists(st.tuples(st.floats(-16, 16), st.booleans()), max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_any_scores_and_reviews_give_a_finite_cut_within_its_interval(
    logits: NDArray[np.float32], scores: SlideScores, verdicts: list[tuple[float, bool]]
) -> None:
    reviewed = Reviewed(
        np.array([score for score, _ in verdicts], np.float64), np.array([is_idc for _, is_idc in verdicts], np.bool_)
    )

    cut = fit_cut(logits, scores, THRESHOLDS, reviewed)

    assert np.isfinite([cut.low, cut.logit, cut.high]).all()
    assert cut.low <= cut.logit <= cut.high
    assert cut.slide_cut.reviews == len(verdicts)
    assert abs(cut.slide_cut.moved_by) <= 4.1 * scores.shift_deviation


@given(st.floats(0.05, 0.9), SHIFTS, st.integers(1, 10), st.booleans())
@settings(max_examples=60)
def test_a_review_moves_the_cut_so_that_it_agrees_more(
    prevalence: float, shift: float, reviews: int, is_idc: bool
) -> None:
    logits, _ = made_slide(600, prevalence, shift)
    before = fit_cut(logits, SCORES, THRESHOLDS)
    nearest = logits[np.argsort(np.abs(logits - before.logit))[:reviews]]

    after = fit_cut(logits, SCORES, THRESHOLDS, Reviewed(nearest, np.full(reviews, is_idc)))

    moved = after.logit - before.logit
    assert moved < 0 if is_idc else moved > 0


def test_truthful_reviews_bring_the_cut_to_the_shift_of_the_slide() -> None:
    logits, truth = made_slide(600, 0.25, 1.4)
    chosen = np.argsort(np.abs(logits - equal_density(SCORES) - 1.4))[:20]

    before = fit_cut(logits, SCORES, THRESHOLDS)
    after = fit_cut(logits, SCORES, THRESHOLDS, Reviewed(logits[chosen], truth[chosen]))

    assert abs(after.slide_cut.moved_by - 1.4) < abs(before.slide_cut.moved_by - 1.4)
    assert after.high - after.low < before.high - before.low


def test_many_cells_that_are_no_idc_near_the_cut_of_a_slide_with_little_idc_are_expected() -> None:
    logits, truth = made_slide(6000, 0.05, seed=3)
    chosen = np.argsort(np.abs(logits - equal_density(SCORES)))[:40]
    assert truth[chosen].mean() < 0.2

    before, after = (
        fit_cut(logits, SCORES, THRESHOLDS, reviewed).slide_cut.moved_by
        for reviewed in (Reviewed(), Reviewed(logits[chosen], truth[chosen]))
    )

    assert after == pytest.approx(before, abs=0.25)


def test_scores_below_the_floor_count_as_the_floor() -> None:
    logits, _ = made_slide(600, 0.3)
    scores = SCORES.model_copy(update={"floor": -1.5})

    found = fit_cut(logits, scores, THRESHOLDS).slide_cut

    assert found == fit_cut(np.maximum(logits, -1.5), scores, THRESHOLDS).slide_cut
    assert found != fit_cut(logits, SCORES, THRESHOLDS).slide_cut


def test_reader_who_finds_idc_where_scores_are_low_does_not_make_the_healthy_tissue_idc() -> None:
    healthy = np.random.default_rng(0).normal(-4, 0.5, 8000)
    focus = np.random.default_rng(1).normal(-1.5, 0.5, 200)
    logits = np.concatenate([healthy, focus])
    scores = SCORES.model_copy(update={"floor": -1.5})

    cut = fit_cut(logits, scores, THRESHOLDS, Reviewed(focus, np.ones(200, np.bool_)))

    assert cut.logit > -1.5
    assert idc_area(logits, cut).mm2 < 0.1 * len(logits) * CELL_MM2


def test_one_wrong_verdict_far_from_the_cut_does_not_outweigh_the_slide() -> None:
    logits, _ = made_slide(5000, 0.3)

    wrong = fit_cut(logits, SCORES, THRESHOLDS, Reviewed(np.array([9.0]), np.array([False])))

    assert wrong.slide_cut.moved_by == pytest.approx(fit_cut(logits, SCORES, THRESHOLDS).slide_cut.moved_by, abs=0.2)


def test_few_cells_that_fit_neither_class_do_not_move_the_cut() -> None:
    logits, _ = made_slide(5000, 0.3)
    strange = np.concatenate([logits, np.full(50, 16.0, np.float32), np.full(50, -16.0, np.float32)])

    assert fit_cut(strange, SCORES, THRESHOLDS).logit == pytest.approx(
        fit_cut(logits, SCORES, THRESHOLDS).logit, abs=0.1
    )


def test_small_slide_leaves_more_open_than_a_large_one() -> None:
    small, large = (fit_cut(made_slide(cells, 0.3)[0], SCORES, THRESHOLDS) for cells in (LEAST_CELLS, 20_000))

    assert large.high - large.low < 0.5 * (small.high - small.low)


def test_slide_without_any_idc_is_told_to_have_little() -> None:
    cut = fit_cut(made_slide(3000, 0.0)[0], SCORES, THRESHOLDS).slide_cut

    assert cut.prevalence is not None
    assert cut.prevalence < 0.05


def test_slide_with_too_few_cells_keeps_the_cuts_of_the_model_and_says_so() -> None:
    cut = fit_cut(made_slide(LEAST_CELLS - 1, 0.3)[0], SCORES, THRESHOLDS, Reviewed(np.ones(1), np.ones(1, np.bool_)))

    assert (cut.low, cut.high) == pytest.approx((-0.847, 0.847), abs=0.001)
    assert cut.low <= cut.logit <= cut.high
    assert (cut.slide_cut.moved_by, cut.slide_cut.deviation, cut.slide_cut.reviews) == (0.0, None, 0)
    assert cut.slide_cut.explanation == (
        "A cut is fitted to slides of at least 300 patches, and this one has 299. Reviews do not move it. "
        "The model's own thresholds decide."
    )


def test_model_without_distributions_decides_by_its_own_cuts_and_says_so() -> None:
    cut = fit_cut(made_slide(1000, 0.3)[0], None, THRESHOLDS)

    assert (cut.low, cut.logit, cut.high) == pytest.approx((-0.847, 0.0, 0.847), abs=0.001)
    assert "does not say how the scores of a slide are distributed" in cut.slide_cut.explanation


def test_thresholds_at_the_ends_have_finite_cuts() -> None:
    cut = model_cut(Thresholds(no_idc_below=0.0, idc_from=1.0), None)

    assert np.isfinite([cut.low, cut.high]).all()


@pytest.mark.parametrize(
    ("shift", "sentence"),
    [
        (1.6, "The cut moved by +1.5: this slide scores high as a whole."),
        (-1.6, "The cut moved by -1.5: this slide scores low as a whole."),
        (0.0, "this slide scores like others as a whole."),
    ],
)
def test_explanation_says_how_far_the_cut_moved_and_why(shift: float, sentence: str) -> None:
    cut = fit_cut(made_slide(5000, 0.4, shift)[0], SCORES, THRESHOLDS).slide_cut

    assert cut.explanation.endswith(sentence)
    assert f"{cut.moved_by:+.1f}" in cut.explanation


def test_explanation_counts_the_reviews_and_asks_for_them_where_scores_tell_little() -> None:
    logits = np.random.default_rng(0).normal(0.7, 2.5, 310)
    vague = SCORES.model_copy(update={"idc_deviation": 2.0, "no_idc_deviation": 2.0, "shift_deviation": 0.3})

    unsure = fit_cut(logits, vague, THRESHOLDS).slide_cut
    one = fit_cut(logits, SCORES, THRESHOLDS, Reviewed(np.zeros(1), np.zeros(1, np.bool_))).slide_cut

    assert "hardly tell where the cut of this slide is: review some patches." in unsure.explanation
    assert one.explanation.endswith("1 reviewed patch took part.")


def test_explanation_says_where_reviews_moved_scores_too() -> None:
    spreading = SCORES.model_copy(update={"verdict_deviation": 0.7})
    cells = made_slide(5000, 0.4)[0]

    cut = fit_cut(cells, spreading, THRESHOLDS, Reviewed(np.zeros(2), np.zeros(2, np.bool_))).slide_cut
    unreviewed = fit_cut(cells, spreading, THRESHOLDS).slide_cut

    assert cut.explanation.endswith(
        "2 reviewed patches took part. Reviews moved the scores of the patches around them."
    )
    assert "moved the scores" not in unreviewed.explanation


@given(MODELS)
def test_classes_are_equally_dense_at_the_cut_or_it_is_the_middle(scores: SlideScores) -> None:
    at = equal_density(scores)

    assert scores.no_idc_mean <= at <= scores.idc_mean
    idc, rest = (
        norm.logpdf(at, scores.idc_mean, scores.idc_deviation),
        norm.logpdf(at, scores.no_idc_mean, scores.no_idc_deviation),
    )
    assert idc == pytest.approx(rest, abs=1e-5) or at == pytest.approx((scores.idc_mean + scores.no_idc_mean) / 2)


@given(MODELS)
def test_higher_score_never_speaks_against_idc(scores: SlideScores) -> None:
    ratio = log_ratio(np.linspace(-30, 30, 500), scores)

    assert (np.diff(ratio) >= -1e-6).all()
