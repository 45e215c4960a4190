import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from idc_contracts import Thresholds
from idc_trainer.evaluation.figures import SideScores, auc, balanced_accuracy_at, measure_patients
from idc_trainer.report.page import roc_points

CUTS = Thresholds(no_idc_below=0.3, idc_from=0.7)


def _side(patients: dict[str, tuple[list[float], list[int]]]) -> SideScores:
    owners = [patient for patient, (scores, _) in patients.items() for _ in scores]
    return SideScores(
        side="test",
        probability=np.array([p for scores, _ in patients.values() for p in scores], np.float32),
        labels=np.array([y == 1 for _, labels in patients.values() for y in labels]),
        patients=np.array(owners),
        names=np.array([str(index) for index in range(len(owners))]),
    )


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=50))
def test_auc_agrees_with_scikit_learn_ties_included(pairs: list[tuple[int, bool]]) -> None:
    probability = np.array([p / 20 for p, _ in pairs], np.float32)
    labels = np.array([y for _, y in pairs])

    if labels.all() or not labels.any():
        assert np.isnan(auc(probability, labels))
    else:
        assert auc(probability, labels) == pytest.approx(roc_auc_score(labels, probability))
        x, y = roc_points(probability, labels)
        assert float(np.trapezoid(y, x)) == pytest.approx(roc_auc_score(labels, probability))


def test_figures_count_the_decided_patches_alone() -> None:
    side = _side({"a": ([0.9, 0.8, 0.1, 0.5, 0.2, 0.75], [1, 1, 1, 1, 0, 0])})

    (metrics,) = measure_patients(side, CUTS, seed=0)

    assert metrics.sensitivity is not None
    assert metrics.sensitivity.value == pytest.approx(2 / 3, abs=1e-4)
    assert metrics.specificity is not None
    assert metrics.specificity.value == 0.5
    assert metrics.coverage.value == pytest.approx(5 / 6, abs=1e-4)
    assert (metrics.patches, metrics.positives) == (6, 4)


def test_a_patient_with_one_class_gets_only_what_that_class_allows() -> None:
    side = _side({"a": ([0.9, 0.8, 0.1], [1, 1, 1]), "b": ([0.9, 0.1], [0, 0])})

    positive, negative = measure_patients(side, CUTS, seed=0)

    assert (positive.auc, positive.specificity, positive.balanced_accuracy) == (None, None, None)
    assert positive.sensitivity is not None
    assert (negative.auc, negative.sensitivity, negative.balanced_accuracy) == (None, None, None)
    assert negative.specificity is not None


def test_a_patient_without_any_decided_patch_has_no_sensitivity_and_no_coverage() -> None:
    (metrics,) = measure_patients(_side({"a": ([0.5, 0.4], [1, 0])}), CUTS, seed=0)

    assert metrics.sensitivity is None
    assert metrics.coverage.value == 0.0


def test_intervals_hold_the_value_and_shrink_with_patches() -> None:
    rng = np.random.default_rng(0)

    def measured(count: int) -> tuple[float, float, float]:
        labels = [index % 2 for index in range(count)]
        scores = [float(np.clip(rng.normal(0.35 + 0.3 * y, 0.2), 0, 1)) for y in labels]
        side = _side({"a": (scores, labels)})
        found = measure_patients(side, CUTS, seed=1)[0].auc
        assert found is not None
        return found.low, found.value, found.high

    few, many = measured(40), measured(300)
    assert few[0] <= few[1] <= few[2]
    assert many[2] - many[0] < few[2] - few[0]


def test_balanced_accuracy_at_one_cut_knows_no_uncertain_band() -> None:
    probability = np.array([0.6, 0.4, 0.5, 0.1], np.float32)

    assert balanced_accuracy_at(0.5, probability, np.array([True, True, False, False])) == 0.5
