import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from idc_contracts import Decision, Thresholds
from idc_trainer.errors import OperatingPointUnreachable
from idc_trainer.learning.head import balanced_weights
from idc_trainer.learning.operating_point import choose_thresholds, reached


def _scores(seed: int, distance: float, count: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.4
    probability = 1 / (1 + np.exp(-rng.normal(np.where(labels, distance, -distance), 1.0)))
    return probability.astype(np.float32), labels, rng.choice(["a", "b", "c"], count)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.5, 3.0), st.floats(0.6, 0.97), st.floats(0.6, 0.97))
def test_chosen_thresholds_reach_both_targets_over_the_decided(
    seed: int, distance: float, sensitivity: float, specificity: float
) -> None:
    probability, labels, patients = _scores(seed, distance)
    try:
        thresholds = choose_thresholds(probability, labels, patients, sensitivity, specificity)
    except OperatingPointUnreachable:
        assume(False)

    found = reached(thresholds, probability, labels, balanced_weights(labels, patients))

    assert found.sensitivity >= sensitivity - 1e-9
    assert found.specificity >= specificity - 1e-9
    assert thresholds.no_idc_below <= thresholds.idc_from


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_harder_targets_never_decide_more(seed: int) -> None:
    probability, labels, patients = _scores(seed, 1.2)

    coverages = [
        reached(
            choose_thresholds(probability, labels, patients, target, target),
            probability,
            labels,
            balanced_weights(labels, patients),
        ).coverage
        for target in (0.7, 0.85, 0.95)
    ]

    assert coverages == sorted(coverages, reverse=True)


def test_perfect_ranking_gets_one_cut_between_the_classes() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], np.float32)

    thresholds = choose_thresholds(probability, probability > 0.5, np.full(6, "p"), 0.95, 0.95)

    assert thresholds.no_idc_below == thresholds.idc_from == pytest.approx(0.5)


def test_a_score_that_says_nothing_reaches_no_target() -> None:
    labels = np.arange(100) % 2 == 1

    with pytest.raises(OperatingPointUnreachable, match="--target-sensitivity"):
        choose_thresholds(np.full(100, 0.5, np.float32), labels, np.full(100, "p"), 0.9, 0.9)


def test_counting_agrees_with_the_contract_s_decisions() -> None:
    probability, labels, _ = _scores(3, 0.5)
    thresholds = Thresholds(no_idc_below=0.3, idc_from=0.6)
    decisions = [thresholds.decide(float(p)) for p in probability]

    found = reached(thresholds, probability, labels)

    positives = [d for d, label in zip(decisions, labels, strict=True) if label and d is not Decision.UNCERTAIN]
    assert found.sensitivity == pytest.approx(positives.count(Decision.IDC) / len(positives))
    assert found.coverage == pytest.approx(1 - decisions.count(Decision.UNCERTAIN) / len(decisions))
