"""Figures of scored patches, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_auc_score,
)

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


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_figures_at_half_are_those_of_scikit_learn_over_all_patches(seed: int) -> None:
    scored = made_scores({"a": (40, 30)}, seed)
    weights = np.random.default_rng(seed).integers(0, 3, 70).astype(float)
    weights[[0, -1]] = 1

    found = _figures(scored, weights)

    truth, said = scored.labels, scored.probability >= 0.5
    assert found["sensitivity_at_half"] == pytest.approx(recall_score(truth, said, sample_weight=weights))
    assert found["specificity_at_half"] == pytest.approx(recall_score(~truth, ~said, sample_weight=weights))
    assert found["balanced_accuracy_at_half"] == pytest.approx(
        balanced_accuracy_score(truth, said, sample_weight=weights)
    )
    assert found["f1_at_half"] == pytest.approx(f1_score(truth, said, sample_weight=weights))
    missed, alarms = truth & scored.called_no_idc, ~truth & scored.called_idc
    assert found["misses"] == pytest.approx(weights[missed].sum() / weights[truth].sum())
    assert found["false_alarms"] == pytest.approx(weights[alarms].sum() / weights[~truth].sum())
    decided = scored.called_idc | scored.called_no_idc
    assert found["coverage"] == pytest.approx(weights[decided].sum() / weights.sum())


def test_many_weights_at_once_give_the_figures_of_each() -> None:
    scored = made_scores({"a": (9, 6), "b": (0, 4)})
    weights = np.random.default_rng(0).integers(0, 3, (5, len(scored))).astype(float) + (np.arange(len(scored)) == 0)
    measure = Measurer(scored)

    assert measure(weights) == pytest.approx(np.array([measure(one) for one in weights]), nan_ok=True)


def test_calibration_error_is_the_gap_between_bins_and_truth() -> None:
    scored = made_scores({"a": (50, 50)})
    sure = ScoredPatches(**{**vars(scored), "probability": np.full(100, 0.9, np.float32)})

    assert _figures(sure)["ece"] == pytest.approx(0.4, abs=1e-6)


def test_a_patient_of_one_class_has_no_figure_that_needs_two() -> None:
    figures = evaluate(made_scores({"a": (12, 9), "b": (0, 7)}), seed=0).patients["b"]

    assert figures.auc is None
    assert figures.balanced_accuracy_at_half is None
    assert figures.specificity_at_half is None
    assert figures.sensitivity_at_half is not None
    assert figures.called_of_negatives is None
    assert figures.coverage is not None


def test_the_mean_within_patients_does_not_see_a_shift_between_them() -> None:
    scored = made_scores({"a": (30, 30), "b": (30, 30)})
    shifted = np.where(scored.patients == "b", scored.probability / 50, scored.probability).astype(np.float32)

    before = evaluate(scored, seed=0)
    after = evaluate(ScoredPatches(**{**vars(scored), "probability": shifted}), seed=0)

    assert after.spread["auc"].mean.value == pytest.approx(before.spread["auc"].mean.value, abs=1e-3)
    assert before.pooled.auc is not None
    assert after.pooled.auc is not None
    assert after.pooled.auc.value < before.pooled.auc.value - 0.05


def test_the_same_seed_gives_the_same_intervals() -> None:
    scored = made_scores({"a": (9, 9), "b": (9, 9)})

    assert evaluate(scored, seed=3) == evaluate(scored, seed=3)
    assert evaluate(scored, seed=3) != evaluate(scored, seed=4)
