"""Members of the classifier: parts of the patients, calibration, familiarity, and the average of all."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_contracts.bundle import Calibration
from idc_trainer.artefacts.kinds import Quality
from idc_trainer.backbones.base import BuiltBackbone
from idc_trainer.backbones.registry import build_backbone
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import CalibrationFailed, OneClassOnly
from idc_trainer.features.store import FeatureStore, write_block
from idc_trainer.learning.calibration import calibrated, fit_calibration
from idc_trainer.learning.ensemble import OUTPUTS, Member, build_classifier
from idc_trainer.learning.familiarity import few_of_each, fit_familiarity, quantile, scaled
from idc_trainer.learning.heads import Heads
from idc_trainer.learning.held_out import complete_member, join_held_out
from idc_trainer.learning.network import build_feature_model, build_on_features, read_heads
from idc_trainer.learning.recipe import HEAD_SCHEDULE
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.parts import FittingPart, fitting_parts
from idc_trainer.splits.split import PatientSplit

OWNERS = [(patient, label) for patient in "abcdefgh" for label in (0, 1) for _ in range(6)]
WIDTH = 24


@pytest.fixture
def index(make_set) -> PatchIndex:  # type: ignore[no-untyped-def]
    return make_set(OWNERS)  # type: ignore[no-any-return]


def _cross_fitted(index: PatchIndex) -> DividedPatches:
    everyone = tuple(np.unique(index.patients).tolist())
    return DividedPatches(index, PatientSplit(everyone, everyone, ()), cross_fitted=True)


def _heads(seed: int = 0, width: int = WIDTH) -> Heads:
    rng = np.random.default_rng(seed)
    shapes = ((width, 1), (1,), (width, 4), (4,))
    return Heads(*(rng.normal(0, 0.1, shape).astype(np.float32) for shape in shapes))


def test_no_patient_is_trained_on_and_held_out_by_one_network(index: PatchIndex) -> None:
    parts = fitting_parts(_cross_fitted(index), folds=4, networks=2, seed=0)

    held_out = [set(part.held_out.patients.tolist()) for part in parts]
    assert [len(patients) for patients in held_out] == [2, 2]
    assert not held_out[0] & held_out[1]
    for part, patients in zip(parts, held_out, strict=True):
        assert set(part.train.patients.tolist()) == set("abcdefgh") - patients


def test_with_a_network_for_each_fold_every_patient_is_held_out_once(index: PatchIndex) -> None:
    parts = fitting_parts(_cross_fitted(index), folds=4, networks=4, seed=0)

    assert sorted(patient for part in parts for patient in set(part.held_out.patients.tolist())) == list("abcdefgh")


def test_named_validation_patients_calibrate_one_network(index: PatchIndex) -> None:
    divided = DividedPatches(index, PatientSplit(("a", "b"), ("c",), ("d",)))

    (part,) = fitting_parts(divided, folds=4, networks=2, seed=0)

    assert set(part.train.patients.tolist()) == {"a", "b"}
    assert set(part.held_out.patients.tolist()) == {"c"}


def test_too_few_patients_of_a_class_are_refused(make_set) -> None:  # type: ignore[no-untyped-def]
    index = make_set([("a", 0), ("a", 1), ("b", 1), ("c", 1)])

    with pytest.raises(OneClassOnly, match="at least 2 training patients must have each class"):
        fitting_parts(_cross_fitted(index), folds=4, networks=2, seed=0)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.2, 5.0), st.floats(-2.0, 2.0))
def test_calibration_finds_the_temperature_and_bias_that_made_the_labels(temperature: float, bias: float) -> None:
    rng = np.random.default_rng(0)
    true_logit = rng.normal(0, 2, 20_000)
    labels = rng.random(20_000) < 1 / (1 + np.exp(-true_logit))
    patients = np.repeat(["a", "b"], 10_000)

    fitted = fit_calibration((true_logit - bias) * temperature, labels, patients)

    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert fitted.bias == pytest.approx(bias, abs=0.15)


def test_scores_that_fall_with_the_label_are_refused() -> None:
    labels = np.arange(100) % 2 == 1

    with pytest.raises(CalibrationFailed, match="check labels"):
        fit_calibration(np.where(labels, -1.0, 1.0) + np.arange(100) / 100, labels, np.full(100, "a"))


def test_what_lies_outside_of_the_training_features_is_far() -> None:
    rng = np.random.default_rng(0)
    scales = np.array([0.1, 1.0, 10.0])
    learnt = fit_familiarity((rng.normal(size=(5000, 3)) * scales).astype(np.float32))

    near, far = (learnt.distances((np.eye(3) * scales * away).astype(np.float32)) for away in (1, 8))

    np.testing.assert_allclose(near, 1, rtol=0.1)
    np.testing.assert_allclose(far, 8, rtol=0.1)


def test_a_feature_that_hardly_varies_gives_weights_that_float16_holds() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 4)).astype(np.float32)
    features[:, 0] = 0.0

    learnt = scaled(fit_familiarity(features), 0.01)

    assert np.isfinite(learnt.projection).all()
    assert np.isfinite(learnt.offset).all()


def test_the_unit_of_distance_holds_nearly_all_patches_of_the_average_patient() -> None:
    """A patient with many far patches counts as one patient."""
    distances = np.concatenate([np.linspace(0, 1, 1000), np.linspace(0, 3, 100)])
    patients = np.repeat(["a", "b"], [1000, 100])

    limit = quantile(distances, patients)

    shares = [(distances[patients == patient] <= limit).mean() for patient in ("a", "b")]
    assert np.mean(shares) == pytest.approx(0.99, abs=0.01)


def test_a_scaled_familiarity_measures_in_its_unit() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 4)).astype(np.float32)
    learnt = fit_familiarity(features)

    np.testing.assert_allclose(scaled(learnt, 2.0).distances(features), learnt.distances(features) / 2, rtol=0.01)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(0, 9))
def test_a_few_of_each_patient_are_all_of_small_ones(counts: list[int], seed: int) -> None:
    patients = np.repeat([f"p{number}" for number in range(len(counts))], counts)

    rows = few_of_each(patients, seed)

    found = [(patients[rows] == f"p{number}").sum() for number in range(len(counts))]
    assert found == [min(count, 150) for count in counts]
    assert (np.diff(rows) > 0).all()


def test_a_member_is_calibrated_on_its_held_out_patients(index: PatchIndex, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(len(index), 3)) + index.labels[:, None]).astype(np.float32)
    write_block(tmp_path / "store", index.digests, features)
    part = FittingPart(index.of("abcdef"), index.of("gh"))
    heads = Heads(np.ones((3, 1), np.float32), np.zeros(1, np.float32), np.zeros((3, 4), np.float32), np.arange(4.0))
    backbone = BuiltBackbone("none", ("all",), 8, None, "", "0" * 64)  # type: ignore[arg-type]

    member, scores = complete_member(backbone, heads, part, FeatureStore(tmp_path / "store", 3), seed=0)

    assert set(scores.index.patients.tolist()) == {"g", "h"}
    rows = np.isin(index.patients, ["g", "h"])
    expected = calibrated(member.calibration, heads.logits(features[rows]))
    np.testing.assert_allclose(scores.probability, expected, rtol=1e-5)
    np.testing.assert_allclose(scores.qualities.sum(1), 1)
    np.testing.assert_allclose(scores.distance, member.familiarity.distances(features[rows]), rtol=0.01)
    joined = join_held_out(index, [scores])
    assert joined.index.digests.tolist() == index.digests[rows].tolist()
    assert joined.outputs.keys() == set(OUTPUTS)


def test_heads_on_standardised_features_are_read_for_plain_ones() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(5, 3, (50, 6)).astype(np.float32)
    model = build_on_features(features.mean(0), features.var(0), HEAD_SCHEDULE, 0)

    heads = read_heads(model)

    found = model(features, training=False)
    np.testing.assert_allclose(heads.logits(features), np.asarray(found["idc"])[:, 0], atol=1e-4)
    shares = np.asarray(found["quality"], np.float64)
    expected = np.exp(shares) / np.exp(shares).sum(1, keepdims=True)
    np.testing.assert_allclose(heads.qualities(features), expected, atol=1e-4)


@pytest.fixture(scope="module")
def members() -> tuple[Member, ...]:
    rng = np.random.default_rng(0)
    found = []
    for number in range(2):
        backbone = build_backbone("efficientnet_lite0", 32, ("stage3",), None)
        learnt = scaled(fit_familiarity(rng.normal(size=(300, WIDTH)).astype(np.float32)), 3.0)
        found.append(Member(backbone, _heads(number), Calibration(temperature=1 + number, bias=0.5), learnt))
    return tuple(found)


def test_the_classifier_is_the_average_of_its_calibrated_members(members: tuple[Member, ...]) -> None:
    patches = np.random.default_rng(0).integers(0, 256, (5, 50, 50, 3)).astype(np.uint8)

    found = {name: np.asarray(values) for name, values in build_classifier(members)(patches, training=False).items()}

    features = [
        np.asarray(build_feature_model(member.backbone)(patches, training=False)["features"]) for member in members
    ]
    pairs = list(zip(members, features, strict=True))
    logits = [one.heads.logits(values) / one.calibration.temperature + one.calibration.bias for one, values in pairs]
    shares = np.mean([one.heads.qualities(values) for one, values in pairs], 0)
    assert tuple(sorted(found)) == OUTPUTS
    np.testing.assert_allclose(found["probability"], 1 / (1 + np.exp(-np.mean(logits, 0))), atol=2e-3)
    np.testing.assert_allclose(found["little_tissue"], shares[:, Quality.LITTLE_TISSUE], atol=2e-3)
    np.testing.assert_allclose(found["out_of_focus"], shares[:, Quality.OUT_OF_FOCUS], atol=2e-3)
    distances = np.mean([one.familiarity.distances(values) for one, values in pairs], 0)
    np.testing.assert_allclose(found["distance"], distances, rtol=1e-3)
    assert all(values.shape == (5,) for values in found.values())


def test_members_on_one_frozen_backbone_share_it(members: tuple[Member, ...]) -> None:
    first = members[0]
    shared = Member(first.backbone, _heads(5), first.calibration, first.familiarity)

    together, apart = (build_classifier((first, other)) for other in (shared, members[1]))

    assert together.count_params() < 0.8 * apart.count_params()
