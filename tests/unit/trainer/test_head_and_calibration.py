import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from idc_contracts.bundle import Calibration
from idc_trainer.errors import CalibrationFailed
from idc_trainer.learning import head as head_module
from idc_trainer.learning.calibration import apply_to_head, apply_to_scores, fit_calibration
from idc_trainer.learning.head import HeadSettings, LinearHead, balanced_weights, fit_head, logits


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


@pytest.mark.parametrize("value", [7, 0, 0.1, 6000])
def test_a_feature_that_never_changes_gets_no_weight(value: float) -> None:
    features = np.stack([np.arange(10), np.full(10, value)], axis=1).astype(np.float32)

    head = fit_head(features, np.arange(10) > 4, np.full(10, "p"), np.ones(2), HeadSettings(0.1))

    assert head.weight[1] == 0
    assert head.weight[0] > 0.1


def _problem(seed: int, count: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.4
    scales = np.array([1, 100, 0.01, 5], np.float32)
    features = ((rng.normal(3, 1, (count, 4)) + labels[:, None] * [1, 0.5, 0, -1]) * scales).astype(np.float32)
    return features, labels, rng.choice(["a", "b", "c"], count)


@settings(max_examples=8)
@given(st.integers(0, 1000), st.sampled_from([0.01, 0.3, 3.0]))
def test_the_head_is_the_logistic_regression_of_scikit_learn(seed: int, penalty: float) -> None:
    features, labels, patients = _problem(seed)
    gains = np.array([1.0, 4.0, 1.0, 0.5])
    scaled = (features - features.mean(0)) / features.std(0) * gains
    weights = balanced_weights(labels, patients)

    head = fit_head(features, labels, patients, gains, HeadSettings(penalty))

    reference = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-8, max_iter=10_000)
    reference.fit(scaled, labels, sample_weight=weights)
    np.testing.assert_allclose(logits(head, features), reference.decision_function(scaled), atol=5e-3)


def test_a_head_fitted_in_chunks_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, patients = _problem(0)
    whole = fit_head(features, labels, patients, np.ones(4), HeadSettings(0.1))

    monkeypatch.setattr(head_module, "_CHUNK", 17)
    chunked = fit_head(features, labels, patients, np.ones(4), HeadSettings(0.1))

    np.testing.assert_allclose(logits(chunked, features), logits(whole, features), atol=2e-3)


def test_rows_are_read_a_chunk_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels, patients = _problem(0)
    asked: list[int] = []

    class Rows:
        shape = features.shape

        def __getitem__(self, rows: slice) -> np.ndarray:
            asked.append(rows.stop - rows.start)
            return features[rows]

    monkeypatch.setattr(head_module, "_CHUNK", 50)
    fit_head(Rows(), labels, patients, np.ones(4), HeadSettings(0.1))

    assert set(asked) == {50, 20}


def test_label_smoothing_moves_scores_inwards_and_keeps_their_order() -> None:
    features, labels, patients = _problem(1)
    sharp, smooth = (
        logits(fit_head(features, labels, patients, np.ones(4), HeadSettings(0.001, smoothing)), features)
        for smoothing in (0.0, 0.2)
    )

    assert smooth.std() < 0.8 * sharp.std()
    assert np.abs(smooth).max() < np.abs(sharp).max()
    assert np.corrcoef(smooth, sharp)[0, 1] > 0.98


def test_each_step_of_the_fit_is_reported_and_the_objective_falls() -> None:
    told: list[tuple[int, float]] = []
    features, labels, patients = _problem(2)

    fit_head(features, labels, patients, np.ones(4), HeadSettings(0.1), lambda *step: told.append(step))

    assert [step for step, _ in told] == list(range(1, len(told) + 1))
    losses = [loss for _, loss in told]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] < np.log(2)


@settings(max_examples=8)
@given(st.floats(0.2, 5.0), st.floats(-2.0, 2.0))
def test_calibration_finds_the_temperature_and_bias_that_made_the_labels(temperature: float, bias: float) -> None:
    rng = np.random.default_rng(0)
    true_logit = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-true_logit))
    scores = (true_logit - bias) * temperature

    fitted = fit_calibration(scores, labels)

    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert fitted.bias == pytest.approx(bias, abs=0.15)


def test_scores_that_fall_with_the_label_are_refused() -> None:
    labels = np.arange(100) % 2 == 1

    with pytest.raises(CalibrationFailed, match="check labels"):
        fit_calibration(np.where(labels, -1.0, 1.0) + np.arange(100) / 100, labels)


def test_the_calibrated_head_gives_the_calibrated_probability() -> None:
    head = LinearHead(np.array([1.5, -0.5], np.float32), 0.25)
    features = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    calibration = Calibration(temperature=0.5, bias=-0.75)

    in_head = 1 / (1 + np.exp(-logits(apply_to_head(calibration, head), features)))

    np.testing.assert_allclose(in_head, apply_to_scores(calibration, logits(head, features)), atol=1e-3)
