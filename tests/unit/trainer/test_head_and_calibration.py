import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_contracts.bundle import Calibration
from idc_trainer.errors import CalibrationFailed
from idc_trainer.learning.calibration import apply_to_head, apply_to_scores, fit_calibration
from idc_trainer.learning.head import LinearHead, balanced_weights, fit_head, logits


def test_each_class_and_each_patient_within_it_weighs_the_same() -> None:
    labels = np.array([True] * 6 + [False] * 4)
    patients = np.array(["a"] * 5 + ["b"] + ["a"] * 1 + ["c"] * 3)

    weights = balanced_weights(labels, patients)

    sums = [
        weights[(labels == label) & (patients == patient)].sum()
        for label, patient in ((True, "a"), (True, "b"), (False, "a"), (False, "c"))
    ]
    np.testing.assert_allclose(sums, 2.5)
    assert weights.mean() == pytest.approx(1.0)


def test_the_head_ranks_by_the_feature_that_tells_the_classes_apart() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2 == 1
    features = rng.normal(50, 3, (200, 4)).astype(np.float32)
    features[:, 2] += 6 * labels

    head = fit_head(features, labels, np.full(200, "p"), np.ones(4), penalty=0.1)

    assert np.argmax(np.abs(head.weight)) == 2
    assert ((logits(head, features) > 0) == labels).mean() > 0.7


def test_a_larger_penalty_makes_a_flatter_head() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2 == 1
    features = (rng.normal(size=(100, 3)) + labels[:, None]).astype(np.float32)

    norms = [np.linalg.norm(fit_head(features, labels, np.full(100, "p"), np.ones(3), p).weight) for p in (0.1, 10)]

    assert norms[1] < norms[0] / 2


def test_a_feature_that_never_changes_gets_no_weight() -> None:
    features = np.stack([np.arange(10), np.full(10, 7)], axis=1).astype(np.float32)

    head = fit_head(features, np.arange(10) > 4, np.full(10, "p"), np.ones(2), penalty=0.1)

    assert abs(head.weight[1]) < 1e-6


@settings(deadline=None, max_examples=20)
@given(st.floats(0.2, 5.0), st.floats(-2.0, 2.0))
def test_calibration_finds_the_temperature_and_bias_that_made_the_labels(temperature: float, bias: float) -> None:
    rng = np.random.default_rng(0)
    true_logit = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-true_logit))
    scores = (true_logit - bias) * temperature

    fitted = fit_calibration(scores, labels, np.full(20_000, "p"))

    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert fitted.bias == pytest.approx(bias, abs=0.15)


def test_scores_that_fall_with_the_label_are_refused() -> None:
    labels = np.arange(100) % 2 == 1

    with pytest.raises(CalibrationFailed, match="check labels"):
        fit_calibration(np.where(labels, -1.0, 1.0) + np.arange(100) / 100, labels, np.full(100, "p"))


def test_the_calibrated_head_gives_the_calibrated_probability() -> None:
    head = LinearHead(np.array([1.5, -0.5], np.float32), 0.25)
    features = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    calibration = Calibration(temperature=0.5, bias=-0.75)

    in_head = 1 / (1 + np.exp(-logits(apply_to_head(calibration, head), features)))

    np.testing.assert_allclose(in_head, apply_to_scores(calibration, logits(head, features)), atol=1e-3)
