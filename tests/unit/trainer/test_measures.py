"""Figures of scored patches, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from idc_trainer.evaluation.bootstrap import evaluate
from idc_trainer.evaluation.measures import MEASURES, Measurer
from idc_trainer.evaluation.scored_patches import ScoredPatches
from support.made_scores import made_scores


def _figures(scored: ScoredPatches, weights: np.ndarray | None = None) -> dict[str, float]:
    return dict(zip(MEASURES, Measurer(scored)(np.ones(len(scored)) if weights is None else weights), strict=True))


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 20]))
@settings(max_examples=40)
def test_ranking_figures_are_those_of_scikit_learn_with_ties_and_weights(seed: int, steps: int) -> None:
    scored = made_scores({"a": (20, 15), "b": (5, 9)}, seed)
    tied = ScoredPatches(**{**vars(scored), "probability": np.round(scored.probability * steps) / np.float32(steps)})
    weights = np.random.default_rng(seed).integers(0, 4, len(tied)).astype(float)
    weights[0] = weights[-1] = 1

    found = _figures(tied, weights)

    truth, score = tied.labels, tied.probability
    assert found["auc"] == pytest.approx(roc_auc_score(truth, score, sample_weight=weights))
    assert found["auprc"] == pytest.approx(average_precision_score(truth, score, sample_weight=weights))
    assert found["brier"] == pytest.approx(brier_score_loss(truth, score, sample_weight=weights), abs=1e-6)


def test_decision_figures_count_decided_patches_alone() -> None:
    scored = made_scores({"a": (40, 30)})
    decided = scored.called_idc | scored.called_no_idc

    found = _figures(scored)

    truth, said = scored.labels[decided], scored.called_idc[decided]
    assert found["coverage"] == pytest.approx(decided.mean())
    assert found["sensitivity"] == pytest.approx(said[truth].mean())
    assert found["specificity"] == pytest.approx((~said)[~truth].mean())
    assert found["balanced_accuracy"] == pytest.approx((found["sensitivity"] + found["specificity"]) / 2)
    assert found["f1"] == pytest.approx(f1_score(truth, said))


def test_calibration_error_is_the_gap_between_bins_and_truth() -> None:
    scored = made_scores({"a": (50, 50)})
    sure = ScoredPatches(**{**vars(scored), "probability": np.full(100, 0.9, np.float32)})

    assert _figures(sure)["ece"] == pytest.approx(0.4, abs=1e-6)


def test_a_patient_of_one_class_has_no_figure_that_needs_two() -> None:
    figures = evaluate(made_scores({"a": (12, 9), "b": (0, 7)}), seed=0).patients["b"]

    assert figures.auc is None
    assert figures.balanced_accuracy is None
    assert figures.sensitivity is not None
    assert figures.coverage is not None


def test_intervals_hold_the_value_and_narrow_with_more_patients() -> None:
    few = evaluate(made_scores({str(n): (20, 20) for n in range(3)}), seed=0).pooled.auc
    many = evaluate(made_scores({str(n): (20, 20) for n in range(15)}), seed=0).pooled.auc

    assert few is not None
    assert many is not None
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low


def test_the_mean_within_patients_does_not_see_a_shift_between_them() -> None:
    scored = made_scores({"a": (30, 30), "b": (30, 30)})
    shifted = np.where(scored.patients == "b", scored.probability / 50, scored.probability).astype(np.float32)

    before = evaluate(scored, seed=0)
    after = evaluate(ScoredPatches(**{**vars(scored), "probability": shifted}), seed=0)

    assert before.within_patients is not None
    assert after.within_patients is not None
    assert after.within_patients.value == pytest.approx(before.within_patients.value, abs=1e-3)
    assert before.pooled.auc is not None
    assert after.pooled.auc is not None
    assert after.pooled.auc.value < before.pooled.auc.value - 0.05


def test_the_same_seed_gives_the_same_intervals() -> None:
    scored = made_scores({"a": (9, 9), "b": (9, 9)})

    assert evaluate(scored, seed=3) == evaluate(scored, seed=3)
    assert evaluate(scored, seed=3) != evaluate(scored, seed=4)
