import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from idc_contracts import Decision, Thresholds
from idc_trainer.errors import OperatingPointUnreachable
from idc_trainer.learning.head import balanced_weights
from idc_trainer.learning.operating_point import Target, choose_thresholds, reached


def _scores(seed: int, distance: float, count: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.4
    probability = 1 / (1 + np.exp(-rng.normal(np.where(labels, distance, -distance), 1.0)))
    return probability.astype(np.float32), labels, rng.choice(["a", "b", "c"], count)


TARGETS = st.builds(Target, st.floats(0.5, 0.99), st.floats(0.5, 0.99), st.floats(0.0, 1.0))


def _called(cut: float, probability: np.ndarray, among: np.ndarray, weights: np.ndarray) -> float:
    """The weighted share of some patches whose P(IDC) is at least a cut."""
    return float(weights[among & (probability >= cut)].sum() / weights[among].sum())


@settings(max_examples=150)
@given(st.integers(0, 10_000), st.floats(0.2, 3.0), TARGETS)
def test_the_lower_cut_holds_the_sensitivity_and_the_band_is_never_wider_than_asked(
    seed: int, distance: float, target: Target
) -> None:
    probability, labels, patients = _scores(seed, distance)
    weights = balanced_weights(labels, patients)
    try:
        cuts = choose_thresholds(probability, labels, patients, target)
    except OperatingPointUnreachable:
        reject()

    assert 0 <= cuts.no_idc_below <= cuts.idc_from <= 1
    assert _called(cuts.no_idc_below, probability, labels, weights) >= target.sensitivity - 1e-9
    assert cuts.idc_from - cuts.no_idc_below <= target.band_width + 1e-9
    assert (probability < cuts.no_idc_below).any()
    assert (probability >= cuts.idc_from).any()


@settings(max_examples=100)
@given(st.integers(0, 10_000), st.floats(0.5, 3.0), st.floats(0.6, 0.97), st.floats(0.6, 0.97))
def test_with_a_band_as_wide_as_it_wants_both_targets_are_held(
    seed: int, distance: float, sensitivity: float, specificity: float
) -> None:
    probability, labels, patients = _scores(seed, distance)
    weights = balanced_weights(labels, patients)
    try:
        cuts = choose_thresholds(probability, labels, patients, Target(sensitivity, specificity, band_width=1.0))
    except OperatingPointUnreachable:
        reject()

    assert 1 - _called(cuts.idc_from, probability, ~labels, weights) >= specificity - 1e-9
    assert _called(cuts.no_idc_below, probability, labels, weights) >= sensitivity - 1e-9


def test_no_higher_lower_cut_would_hold_the_sensitivity() -> None:
    probability, labels, patients = _scores(0, 1.0)
    target = Target(sensitivity=0.9, specificity=0.99, band_width=1.0)

    cuts = choose_thresholds(probability, labels, patients, target)

    weights = balanced_weights(labels, patients)
    higher = float(probability[labels & (probability >= cuts.no_idc_below)].min()) + 1e-4
    assert cuts.no_idc_below < cuts.idc_from
    assert _called(higher, probability, labels, weights) < 0.9


def test_a_narrow_band_gives_up_specificity_and_keeps_sensitivity() -> None:
    probability, labels, patients = _scores(1, 0.8)
    wide, narrow = (choose_thresholds(probability, labels, patients, Target(0.95, 0.95, width)) for width in (1.0, 0.1))

    assert narrow.no_idc_below == wide.no_idc_below
    assert narrow.idc_from == pytest.approx(narrow.no_idc_below + 0.1)
    assert narrow.idc_from < wide.idc_from


@pytest.mark.parametrize("width", [0.0, 0.00004, 0.00006, 0.12345, 0.3])
def test_a_width_between_two_readable_cuts_is_rounded_down(width: float) -> None:
    probability, labels, patients = _scores(1, 0.8)

    cuts = choose_thresholds(probability, labels, patients, Target(0.95, 0.95, width))

    assert cuts.idc_from - cuts.no_idc_below <= width + 1e-9
    assert cuts.idc_from - cuts.no_idc_below > width - 1.01e-4


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_harder_targets_never_decide_more(seed: int) -> None:
    probability, labels, patients = _scores(seed, 1.2)

    coverages = [
        reached(
            choose_thresholds(probability, labels, patients, Target(target, target, 1.0)),
            probability,
            labels,
            balanced_weights(labels, patients),
        ).coverage
        for target in (0.7, 0.85, 0.95)
    ]

    assert coverages == sorted(coverages, reverse=True)


def test_perfect_ranking_gets_one_cut_between_the_classes() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], np.float32)

    thresholds = choose_thresholds(probability, probability > 0.5, np.full(6, "p"), Target())

    assert thresholds.no_idc_below == thresholds.idc_from == pytest.approx(0.5)


def test_a_score_that_says_nothing_reaches_no_target() -> None:
    labels = np.arange(100) % 2 == 1

    with pytest.raises(OperatingPointUnreachable, match="--target-sensitivity"):
        choose_thresholds(np.full(100, 0.5, np.float32), labels, np.full(100, "p"), Target(0.9, 0.9))


def test_a_positive_below_all_others_leaves_nothing_to_call_negative() -> None:
    probability = np.array([0.0, 0.2, 0.3, 0.8, 0.9], np.float32)
    labels = np.array([True, False, False, True, True])

    with pytest.raises(OperatingPointUnreachable):
        choose_thresholds(probability, labels, np.full(5, "p"), Target(0.95, 0.95))


@given(st.integers(0, 9999), st.floats(-1e-16, 1e-16))
def test_the_least_score_may_lie_on_a_cut(number: int, off: float) -> None:
    """Rounding must not put the lowest cut above the lowest positive."""
    least = min(max(number * 1e-4 + off, 0.0), 1.0)
    probability = np.array([least, 1.0, least, 1.0])

    with pytest.raises(OperatingPointUnreachable):
        choose_thresholds(probability, np.array([True, True, False, False]), np.full(4, "p"), Target(0.95, 0.95))


def test_counting_agrees_with_the_contract_s_decisions() -> None:
    probability, labels, _ = _scores(3, 0.5)
    thresholds = Thresholds(no_idc_below=0.3, idc_from=0.6)
    decisions = [thresholds.decide(float(p)) for p in probability]

    found = reached(thresholds, probability, labels)

    positives = [d for d, label in zip(decisions, labels, strict=True) if label and d is not Decision.UNCERTAIN]
    assert found.sensitivity == pytest.approx(positives.count(Decision.IDC) / len(positives))
    assert found.coverage == pytest.approx(1 - decisions.count(Decision.UNCERTAIN) / len(decisions))
