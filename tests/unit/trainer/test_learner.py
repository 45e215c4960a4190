"""Heads, calibration and thresholds from features that are known exactly."""

from pathlib import Path

import numpy as np
import pytest

from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import CalibrationFailed, OneClassOnly
from idc_trainer.evaluation.measures import mean_patient_auc
from idc_trainer.features.store import FeatureStore, write_block
from idc_trainer.learning.head import HeadSettings, LinearHead, fit_head, logits
from idc_trainer.learning.learner import Learner, OnStep, inner_folds
from idc_trainer.learning.operating_point import Target
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.split import PatientSplit

OWNERS = [(patient, label) for patient in "abcdef" for label in (0, 1) for _ in range(12)]


def _store(folder: Path, index: PatchIndex, rows: np.ndarray) -> FeatureStore:
    write_block(folder, index.digests, rows.astype(np.float32))
    return FeatureStore(folder, rows.shape[1])


def _learner(*stores: FeatureStore, width: int, penalty: float = 0.01) -> Learner:
    return Learner(stores, np.ones(width), HeadSettings(penalty), Target(allow_missed=True), seed=0)


def _cross_fitted(index: PatchIndex) -> DividedPatches:
    everyone = tuple(np.unique(index.patients).tolist())
    return DividedPatches(index, PatientSplit(everyone, everyone, ()), cross_fitted=True)


@pytest.fixture
def index(make_set) -> PatchIndex:  # type: ignore[no-untyped-def]
    return make_set(OWNERS)  # type: ignore[no-any-return]


class _Spy(Learner):
    """A learner that remembers whom each head learned from and whom it scored."""

    seen: list[tuple[LinearHead, frozenset[str]]]
    scored: list[tuple[LinearHead, frozenset[str]]]

    def fit(self, chosen: PatchIndex, on_step: OnStep = lambda _step, _loss: None) -> LinearHead:
        head = super().fit(chosen, on_step)
        self.seen.append((head, frozenset(chosen.patients.tolist())))
        return head

    def scores(self, head: LinearHead, chosen: PatchIndex) -> np.ndarray:
        self.scored.append((head, frozenset(chosen.patients.tolist())))
        return super().scores(head, chosen)


def test_cross_fitting_scores_each_patient_by_a_head_that_never_saw_it(index: PatchIndex, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    store = _store(tmp_path, index, rng.normal(size=(len(index), 2)) + 2 * index.labels[:, None])
    spy = _Spy((store,), np.ones(2), HeadSettings(0.01), Target(allow_missed=True), seed=0)
    object.__setattr__(spy, "seen", [])
    object.__setattr__(spy, "scored", [])

    spy.learn(_cross_fitted(index), lambda *_: None)

    learned_from = {id(head): patients for head, patients in spy.seen}
    assert {patient for _, patients in spy.scored for patient in patients} == set("abcdef")
    for head, patients in spy.scored:
        assert not patients & learned_from[id(head)]
    assert learned_from[id(spy.seen[0][0])] == set("abcdef")  # the head that is shipped learned from all


def test_features_that_only_name_the_patient_say_nothing_across_patients(index: PatchIndex, tmp_path: Path) -> None:
    """Each patch has a feature of its own that gives its label away: only a leak could score by it."""
    own = np.where(index.labels, 1.0, -1.0)[:, None] * np.eye(len(index))
    store = _store(tmp_path, index, own)
    learner = _learner(store, width=len(index), penalty=1e-4)

    fitted = learner.scores(learner.fit(index), index)
    crossed = learner._cross_fitted(_cross_fitted(index))

    assert ((fitted > 0) == index.labels).all()
    assert mean_patient_auc(crossed, index.labels, index.patients) == pytest.approx(0.5)


def test_validation_patients_of_their_own_are_scored_by_the_one_head(index: PatchIndex, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(index), 2)) + 1.5 * index.labels[:, None]
    learner = _learner(_store(tmp_path, index, rows), width=2)
    patches = DividedPatches(index, PatientSplit(("a", "b", "c"), ("d", "e"), ("f",)))

    learned = learner.learn(patches, lambda *_: None)

    validation = patches.validation
    assert learned.validation.patients.tolist() == validation.patients.tolist()
    in_head = 1 / (1 + np.exp(-logits(learned.head, rows[np.isin(index.patients, ["d", "e"])].astype(np.float32))))
    np.testing.assert_allclose(learned.validation.probability, in_head, atol=5e-3)


def test_training_patches_are_seen_in_all_variants_and_validation_patches_as_they_are(
    index: PatchIndex, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    plain, stained = (rng.normal(size=(len(index), 2)).astype(np.float32) + index.labels[:, None] for _ in range(2))
    stores = _store(tmp_path / "plain", index, plain), _store(tmp_path / "stained", index, stained)

    learner = _learner(*stores, width=2)
    head = learner.fit(index)

    expected = fit_head(
        np.concatenate([plain, stained]),
        np.tile(index.labels, 2),
        np.tile(index.patients, 2),
        np.ones(2),
        HeadSettings(0.01),
    )
    np.testing.assert_allclose(head.weight, expected.weight, rtol=1e-4)
    np.testing.assert_allclose(learner.scores(head, index), logits(head, plain), rtol=1e-5)


def test_labels_that_fall_with_the_score_are_refused(index: PatchIndex, tmp_path: Path) -> None:
    sign = np.where(np.isin(index.patients, ["a", "b", "c"]), 1, -1)
    rows = (np.where(index.labels, 1.0, -1.0) * sign)[:, None] + np.random.default_rng(0).normal(size=(len(index), 1))
    patches = DividedPatches(index, PatientSplit(("a", "b", "c"), ("d", "e"), ("f",)))

    with pytest.raises(CalibrationFailed, match="does not increase"):
        _learner(_store(tmp_path, index, rows), width=1).learn(patches, lambda *_: None)


def test_inner_folds_hold_each_patient_once_and_leave_both_classes(index: PatchIndex) -> None:
    folds = inner_folds(index, seed=0)

    assert len(folds) == 5
    assert sorted(patient for fold in folds for patient in fold) == list("abcdef")


def test_a_class_of_one_patient_alone_cannot_be_cross_fitted(make_set) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OneClassOnly, match="at least 2 training patients must have each class"):
        inner_folds(make_set([("a", 0), ("a", 1), ("b", 0), ("c", 0)]), seed=0)


def test_two_patients_of_each_class_are_enough(make_set) -> None:  # type: ignore[no-untyped-def]
    index = make_set([("a", 0), ("b", 0), ("c", 1), ("d", 1)])

    for seed in range(10):
        folds = inner_folds(index, seed)
        assert len(folds) == 2
        for fold in folds:
            assert len(np.unique(index.labels[~np.isin(index.patients, fold)])) == 2


def test_the_mean_auc_ignores_the_shift_between_patients() -> None:
    labels = np.array([False, True] * 4)
    patients = np.array(["a"] * 4 + ["b"] * 4)
    probability = np.array([0.1, 0.2, 0.1, 0.2, 0.8, 0.9, 0.8, 0.9], np.float32)

    assert mean_patient_auc(probability, labels, patients) == 1.0


def test_without_a_patient_of_both_classes_all_patches_are_ranked_together() -> None:
    labels = np.array([False, False, True, True])

    assert mean_patient_auc(np.array([0.1, 0.6, 0.5, 0.9]), labels, np.array(["a", "a", "b", "b"])) == 0.75
