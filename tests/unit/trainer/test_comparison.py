"""The paired test that decides whether a candidate is worse."""

from dataclasses import replace

import numpy as np
import pytest

from idc_contracts.promotion import Verdict
from idc_trainer.evaluation.comparison import LEAST_PATIENTS, compare, decisions
from idc_trainer.evaluation.scored_patches import ScoredPatches
from support.made_scores import made_scores

PATIENTS = {f"p{number}": (30, 20) for number in range(10)}


def _noisier(scored: ScoredPatches, share: float) -> ScoredPatches:
    """The same patches, with that share of the scores replaced by chance."""
    rng = np.random.default_rng(1)
    lost = rng.random(len(scored)) < share
    return replace(scored, probability=np.where(lost, rng.random(len(scored)), scored.probability).astype(np.float32))


def test_a_model_is_no_worse_than_itself() -> None:
    scored = made_scores(PATIENTS)

    found = compare(scored, scored)

    assert (found.verdict, found.patients) == (Verdict.NO_WORSE, 10)
    for measure in (found.auc, found.balanced_accuracy):
        assert measure is not None
        assert measure.difference is not None
        assert (measure.difference.value, measure.difference.low, measure.difference.high) == (0, 0, 0)


def test_a_candidate_that_ranks_worse_in_every_patient_is_worse_and_the_other_way_round_no_worse() -> None:
    good = made_scores(PATIENTS)
    bad = _noisier(good, 0.5)

    assert compare(bad, good).verdict is Verdict.WORSE
    assert compare(good, bad).verdict is Verdict.NO_WORSE


def test_a_candidate_with_the_same_ranks_and_bad_thresholds_is_worse() -> None:
    good = made_scores(PATIENTS)
    rings_always = replace(good, idc_from=np.full_like(good.idc_from, 0.05), no_idc_below=np.zeros_like(good.idc_from))

    found = compare(rings_always, good)

    assert found.verdict is Verdict.WORSE
    assert found.auc is not None
    assert found.auc.difference is not None
    assert found.auc.difference.value == 0


def test_a_candidate_that_decides_nothing_is_worse_than_one_that_decides_well() -> None:
    good = made_scores(PATIENTS)
    silent = replace(good, idc_from=np.full_like(good.idc_from, 2), no_idc_below=np.zeros_like(good.idc_from))

    found = compare(silent, good)

    assert found.verdict is Verdict.WORSE
    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.candidate == 0.5


def test_uncertain_counts_half_in_the_balanced_accuracy() -> None:
    scored = made_scores({"p": (2, 2)})
    scored = replace(scored, probability=np.array([0.1, 0.5, 0.5, 0.9], np.float32))

    found = compare(scored, None)

    assert found.balanced_accuracy is not None
    assert found.balanced_accuracy.candidate == 0.75
    assert found.balanced_accuracy.difference is None


def test_patients_with_one_class_do_not_count() -> None:
    scored = made_scores(PATIENTS | {"negative": (20, 0), "positive": (0, 20)})

    assert compare(scored, scored).patients == 10


@pytest.mark.parametrize(
    ("patients", "verdict"), [(LEAST_PATIENTS - 1, Verdict.UNTESTED), (LEAST_PATIENTS, Verdict.WORSE)]
)
def test_a_handful_of_patients_tests_nothing(patients: int, verdict: Verdict) -> None:
    good = made_scores({f"p{number}": (30, 20) for number in range(patients)})

    assert compare(_noisier(good, 0.5), good).verdict is verdict


def test_without_any_patient_of_both_classes_there_are_no_figures() -> None:
    scored = made_scores({"negative": (20, 0)})

    found = compare(scored, scored)

    assert (found.verdict, found.patients, found.auc, found.balanced_accuracy) == (Verdict.UNTESTED, 0, None, None)


def test_decisions_are_counted_for_each_class() -> None:
    scored = replace(made_scores({"p": (2, 2)}), probability=np.array([0.1, 0.5, 0.5, 0.9], np.float32))

    found = decisions(scored)

    assert (found.negatives.no_idc, found.negatives.uncertain, found.negatives.idc) == (1, 1, 0)
    assert (found.positives.no_idc, found.positives.uncertain, found.positives.idc) == (0, 1, 1)
