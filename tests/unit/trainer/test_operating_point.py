import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_contracts import Decision, Thresholds
from idc_trainer.errors import OperatingPointUnreachable
from idc_trainer.learning.operating_point import Target, choose_thresholds, describe_point, reached

TARGETS = st.builds(
    Target, st.floats(0.5, 0.99), st.floats(0.01, 0.5), st.floats(0.5, 0.99), st.floats(0.0, 1.0), st.just(True)
)


def _scores(
    seed: int, distance: float = 1.2, patients: int = 30, patches: int = 40
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patients whose whole score is shifted; 40 % of the patches are positives."""
    rng = np.random.default_rng(seed)
    labels = rng.random(patients * patches) < 0.4
    owners = np.repeat(np.arange(patients), patches)
    logits = rng.normal(np.where(labels, distance, -distance), 1.0) + rng.normal(0, 0.7, patients)[owners]
    return (1 / (1 + np.exp(-logits))), labels, owners.astype(str)


def _keeping(wrong: np.ndarray, of_class: np.ndarray, patients: np.ndarray, may_err: float) -> tuple[int, int]:
    """How many patients with enough patches keep a rate, and how many have enough, by counting each."""
    shares = {name: wrong[of_class & (patients == name)] for name in np.unique(patients[of_class])}
    enough = {name: own for name, own in shares.items() if len(own) >= 1 / may_err - 1e-9} or shares
    return sum(own.mean() <= may_err + 1e-9 for own in enough.values()), len(enough)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 3.0), TARGETS, st.integers(1, 12))
def test_the_cuts_are_the_best_that_enough_patients_keep(
    seed: int, distance: float, target: Target, patients: int
) -> None:
    probability, labels, owners = _scores(seed, distance, patients, 25)

    cuts = choose_thresholds(probability, labels, owners, target)

    def enough_keep(low: float | None, high: float | None) -> bool:
        wrong, of_class, may_err = (
            (probability < low, labels, 1 - target.sensitivity)
            if high is None
            else (probability >= high, ~labels, target.false_alarm_rate)
        )
        kept, counted = _keeping(wrong, of_class, owners, may_err)
        return kept >= min(math.ceil(target.patients * (counted + 1) - 1e-9), counted)

    assert enough_keep(cuts.no_idc_below, None)
    assert enough_keep(None, cuts.idc_from)
    if cuts.no_idc_below < cuts.idc_from:
        assert not enough_keep(cuts.no_idc_below + 1e-4, None)
        assert not enough_keep(None, cuts.idc_from - 1e-4)


def test_new_patients_keep_the_target_as_often_as_was_promised() -> None:
    target = Target(0.9, 0.1, 0.8, 1.0)
    kept: list[tuple[float, float]] = []
    for seed in range(60):
        probability, labels, owners = _scores(seed, patients=60)
        known = owners.astype(int) < 30
        cuts = choose_thresholds(probability[known], labels[known], owners[known], target)
        new = ~known
        misses, counted = _keeping((probability < cuts.no_idc_below)[new], labels[new], owners[new], 0.1)
        alarms, of = _keeping((probability >= cuts.idc_from)[new], ~labels[new], owners[new], 0.1)
        kept.append((misses / counted, alarms / of))

    mean = np.mean(kept, axis=0)
    assert (mean >= 0.78).all()
    assert (mean <= 0.9).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_harder_targets_never_decide_more(seed: int) -> None:
    probability, labels, owners = _scores(seed)

    coverages = [
        reached(
            choose_thresholds(probability, labels, owners, Target(1 - errors, errors, 0.8, 1.0)), probability, labels
        ).coverage
        for errors in (0.3, 0.2, 0.1)
    ]

    assert coverages == sorted(coverages, reverse=True)


def test_one_bad_patient_among_many_does_not_move_the_cuts() -> None:
    probability, labels, owners = _scores(0, patients=40)
    spoilt = np.where(owners == "7", 1 - probability, probability)

    before, after = (choose_thresholds(p, labels, owners, Target(most_uncertain=1.0)) for p in (probability, spoilt))

    assert after.no_idc_below == pytest.approx(before.no_idc_below, abs=0.1)
    assert after.idc_from == pytest.approx(before.idc_from, abs=0.1)


def test_patients_with_few_patches_of_a_class_do_not_count_for_its_cut() -> None:
    probability, labels, owners = _scores(0)
    target = Target(most_uncertain=1.0)
    few = np.concatenate([probability, np.full(9, 0.0, np.float32)])

    cuts = choose_thresholds(few, np.append(labels, [True] * 9), np.append(owners, ["few"] * 9), target)

    assert cuts == choose_thresholds(probability, labels, owners, target)


def test_perfect_ranking_gets_one_cut_between_the_classes() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.7, 0.8, 0.9], np.float32)

    thresholds = choose_thresholds(probability, probability > 0.5, np.full(6, "p"), Target(allow_missed=True))

    assert thresholds.no_idc_below == thresholds.idc_from == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("target", "patients", "why"),
    [
        (Target(most_uncertain=0.0), 30, "of a mean patient's patches, 0% allowed"),
        (Target(patients=0.9, most_uncertain=1.0), 8, "sensitivity: sure for 89% of new patients, 90% wanted"),
    ],
)
def test_a_missed_target_stops_the_training_and_names_the_way_on(target: Target, patients: int, why: str) -> None:
    probability, labels, owners = _scores(1, patients=patients)

    with pytest.raises(OperatingPointUnreachable, match=why) as raised:
        choose_thresholds(probability, labels, owners, target)

    assert "--allow-missed-target" in str(raised.value)


def test_a_missed_target_that_is_allowed_is_told_and_stands_in_the_manifest(caplog: pytest.LogCaptureFixture) -> None:
    probability, labels, owners = _scores(1)
    target = Target(most_uncertain=0.01, allow_missed=True)

    cuts = choose_thresholds(probability, labels, owners, target)

    (line,) = describe_point(cuts, target, probability, labels, owners).missed
    assert "1% allowed" in line
    assert f"THE OPERATING POINT MISSES ITS TARGET: {line}" in caplog.text


def test_a_score_that_says_nothing_misses_its_target() -> None:
    labels = np.arange(400) % 2 == 1
    owners = (np.arange(400) // 40).astype(str)

    with pytest.raises(OperatingPointUnreachable, match="no patch is idc; no patch is no_idc"):
        choose_thresholds(np.full(400, 0.5, np.float32), labels, owners, Target(patients=0.8))


def test_a_point_is_described_by_all_patches_of_the_patients_it_was_chosen_on() -> None:
    probability, labels, owners = _scores(2)
    target = replace(Target(), most_uncertain=1.0)
    cuts = choose_thresholds(probability, labels, owners, target)

    point = describe_point(cuts, target, probability, labels, owners)

    undecided = (probability >= cuts.no_idc_below) & (probability < cuts.idc_from)
    by_patient = [undecided[owners == name].mean() for name in np.unique(owners)]
    assert point.missed == ()
    assert point.sensitivity_kept_by is not None
    assert point.sensitivity_kept_by >= target.patients
    assert point.validation_misses == pytest.approx((probability < cuts.no_idc_below)[labels].mean(), abs=1e-4)
    assert point.validation_false_alarms == pytest.approx((probability >= cuts.idc_from)[~labels].mean(), abs=1e-4)
    assert point.validation_uncertain == pytest.approx(np.mean(by_patient), abs=1e-4)


def test_counting_agrees_with_the_contract_s_decisions() -> None:
    probability, labels, _ = _scores(3, 0.5)
    thresholds = Thresholds(no_idc_below=0.3, idc_from=0.6)
    decisions = [thresholds.decide(float(p)) for p in probability]

    found = reached(thresholds, probability, labels)

    positives = [d for d, label in zip(decisions, labels, strict=True) if label and d is not Decision.UNCERTAIN]
    assert found.sensitivity == pytest.approx(positives.count(Decision.IDC) / len(positives))
    assert found.coverage == pytest.approx(1 - decisions.count(Decision.UNCERTAIN) / len(decisions))
