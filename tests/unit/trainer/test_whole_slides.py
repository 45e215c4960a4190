"""Whole slides are measured in four ways, and the report tells of each."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from idc_contracts import Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_slidescores import logits_of
from idc_trainer.evaluation.bootstrap import evaluate
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.evaluation.slide_layout import dense_slides
from idc_trainer.evaluation.slides import REVIEWS, Method, SlidesEvaluation, evaluate_slides
from idc_trainer.report.content import ReportContent
from idc_trainer.report.page import write_report
from idc_trainer.report.slide_tables import SLIDE_HEAD, SLIDES_HEAD, per_slide, slide_means
from support.made_scores import made_scores
from support.made_slide_scores import SCORES
from support.scored_slides import scored_slides

SHIFTS = {"even": 0.0, "high": 1.3, "low": -1.0}
MODEL = SCORES.model_copy(update={"window": 5})


@pytest.fixture(scope="module")
def scored() -> ScoredPatches:
    return scored_slides(SHIFTS)


def _evaluated(scored: ScoredPatches, scores: SlideScores | None = MODEL) -> SlidesEvaluation:
    found = evaluate_slides(scored, dict.fromkeys(scored.patients.tolist(), scores), seed=0)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found(scored: ScoredPatches) -> SlidesEvaluation:
    return _evaluated(scored)


def test_neighbourhood_ranks_better_than_the_patch_alone(found: SlidesEvaluation) -> None:
    for slide in found.slides.values():
        assert slide.measures[Method.NEIGHBOURHOOD].auc > slide.measures[Method.PATCH].auc


def test_fitted_cut_repairs_a_shifted_slide(found: SlidesEvaluation) -> None:
    accuracy = {method: measured.balanced_accuracy for method, measured in found.slides["high"].measures.items()}

    assert accuracy[Method.FITTED] > accuracy[Method.NEIGHBOURHOOD] + 0.02
    assert accuracy[Method.REVIEWED] > accuracy[Method.NEIGHBOURHOOD] + 0.02
    assert found.slides["high"].cuts[Method.FITTED].moved_by > 0.3
    assert found.slides["low"].cuts[Method.FITTED].moved_by < -0.3


def test_figures_are_those_of_scikit_learn_by_hand(scored: ScoredPatches, found: SlidesEvaluation) -> None:
    own = scored.of("even")
    called, truth = own.probability >= 0.5, own.labels
    sensitivity, specificity = called[truth].mean(), 1 - called[~truth].mean()

    measured = found.slides["even"].measures[Method.PATCH]

    assert measured.balanced_accuracy == pytest.approx((sensitivity + specificity) / 2, abs=1e-4)
    assert measured.f1 == pytest.approx(2 * called[truth].sum() / (called.sum() + truth.sum()), abs=1e-4)


def test_mean_has_each_slide_once_and_the_worst_slide_is_named(found: SlidesEvaluation) -> None:
    for method in Method:
        values = {patient: slide.measures[method].balanced_accuracy for patient, slide in found.slides.items()}
        assert found.mean[method].balanced_accuracy == pytest.approx(np.mean(list(values.values())), abs=1e-4)
        assert values[found.worst[method]] == min(values.values())


def test_reviews_narrow_what_is_uncertain_and_the_estimated_area(found: SlidesEvaluation) -> None:
    for slide in found.slides.values():
        before, after = slide.cuts[Method.FITTED], slide.cuts[Method.REVIEWED]
        assert after.uncertain < before.uncertain
        assert before.low_patches is not None
        assert before.high_patches is not None
        assert before.low_patches <= slide.positives <= before.high_patches


def test_without_distributions_the_models_own_thresholds_decide(scored: ScoredPatches) -> None:
    slide = _evaluated(scored, None).slides["high"]

    assert (slide.cuts[Method.FITTED].moved_by, slide.cuts[Method.FITTED].deviation) == (0.0, None)
    assert slide.measures[Method.REVIEWED] == slide.measures[Method.FITTED] == slide.measures[Method.NEIGHBOURHOOD]


def test_scattered_patches_and_slides_of_one_class_are_no_slides(scored: ScoredPatches) -> None:
    healthy = replace(scored, labels=np.zeros(len(scored), np.bool_))
    assert dense_slides(healthy.patients, healthy.x_px, healthy.y_px).keys() == SHIFTS.keys()

    assert evaluate_slides(healthy, dict.fromkeys(SHIFTS, MODEL), 0) is None
    scattered = made_scores({"a": (30, 20)})
    assert evaluate_slides(scattered, {"a": MODEL}, 0) is None


def test_order_of_the_patches_does_not_matter(scored: ScoredPatches, found: SlidesEvaluation) -> None:
    assert _evaluated(scored.rows(np.random.default_rng(0).permutation(len(scored)))) == found


def test_report_tells_of_whole_slides_and_figures_hold_them(
    scored: ScoredPatches, found: SlidesEvaluation, tmp_path: Path
) -> None:
    evaluation = evaluate(scored, seed=0).model_copy(update={"slides": found})
    content = ReportContent(
        "Title", "idc-trainer crossval", "ab" * 32, scored, evaluation, Thresholds(no_idc_below=0.4, idc_from=0.6)
    )

    write_report(content, tmp_path)

    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<h2>Whole slides</h2>" in page
    for row in (*slide_means(found), *per_slide(found)):
        assert all(f">{cell}</" in page for cell in row)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert SlidesEvaluation.model_validate(figures["slides"]) == found


def test_report_without_slides_is_silent_about_them(tmp_path: Path) -> None:
    scattered = made_scores({"a": (9, 9)})
    content = ReportContent(
        "T", "c", "ab" * 32, scattered, evaluate(scattered, 0), Thresholds(no_idc_below=0.4, idc_from=0.6)
    )

    write_report(content, tmp_path)

    assert "Whole slides" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "figures.json").read_text())["slides"] is None


def test_tables_have_a_cell_for_each_heading(found: SlidesEvaluation) -> None:
    assert {len(row) for row in slide_means(found)} == {len(SLIDES_HEAD)}
    assert {len(row) for row in per_slide(found)} == {len(SLIDE_HEAD)}
    assert slide_means(found)[-1][0] == f"the same, after {REVIEWS} reviewed cells"


def test_slide_is_scored_by_the_distributions_of_its_own_fold(scored: ScoredPatches, found: SlidesEvaluation) -> None:
    other = MODEL.model_copy(update={"idc_mean": 4.0})

    mixed = evaluate_slides(scored, {"even": MODEL, "high": MODEL, "low": other}, 0)

    assert mixed is not None
    assert mixed.slides["high"] == found.slides["high"]
    assert mixed.slides["low"] != found.slides["low"]


def test_logits_and_thresholds_of_each_fold_are_kept_apart(scored: ScoredPatches) -> None:
    stricter = replace(scored, idc_from=np.where(scored.patients == "high", 0.9, scored.idc_from).astype(np.float32))

    open_cells = [_evaluated(part, None).slides["high"].cuts[Method.FITTED].uncertain for part in (scored, stricter)]

    assert open_cells[1] > open_cells[0]
    assert np.isfinite(logits_of(scored.probability)).all()
