"""The whole way from made-up patches to a bundle, with a short backbone at a small input."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from idc_contracts.bundle import BundleManifest, Precision
from idc_modelio.bundles import read_bundle, read_self_test
from idc_trainer.__main__ import main
from idc_trainer.data.reading import DataSet
from idc_trainer.errors import DataUnreadable, OutputUnwritable
from idc_trainer.features.store import FeatureStore
from idc_trainer.graphs.opening import open_bundle, prove
from idc_trainer.learning.operating_point import Target
from idc_trainer.learning.recipe import HEAD_SCHEDULE, NONE, Recipe
from idc_trainer.splits.choose import SplitRequest, split_patients
from idc_trainer.workflows.phases import Run
from idc_trainer.workflows.preparation import Source
from idc_trainer.workflows.training import TrainingRequest, train
from support.made_patches import made_patch, write_patch, write_patch_folder
from support.memory_patches import made_index

PATIENTS = {"a": (10, 10), "b": (10, 8), "c": (12, 8), "d": (8, 8), "e": (0, 6), "f": (0, 6)}
SCHEDULE = replace(HEAD_SCHEDULE, steps=200, batch=64, learning_rate=0.01)
RECIPE = Recipe(input_px=32, stages=("stage3",), train_from=NONE, schedule=SCHEDULE, passes=1, networks=4)
OPTIONS = ["--input-px", "32", "--stages", "stage3", "--train-from", "none", "--passes", "1", "--steps", "200"]
OPTIONS += ["--batch", "64", "--learning-rate", "0.01"]


def _tell(*_: object) -> None:
    return None


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_patch_folder(tmp_path_factory.mktemp("data"), PATIENTS)
    write_patch(root, "a", 0, 99, made_patch(0, np.random.default_rng(0))[:1])  # a strip, as the public set has them
    (root / "a" / "slide_overview.png").write_text("no patch")
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _request(data: Path, cache: Path, out: Path, **changes: object) -> TrainingRequest:
    options = {
        "source": Source(DataSet(data), cache, RECIPE),
        "split": SplitRequest(test_patients=("a",), validation_patients=("b", "e")),
        "target": Target(allow_missed=True),
        "command": "idc-trainer train --data d",
        "int8": False,
    } | changes
    return TrainingRequest(out=out, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def bundle_path(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = tmp_path_factory.mktemp("list") / "demo.txt"
    names.write_text("a_idx5_x0_y51_class1.png\na_idx5_x0_y1_class0.png\n")
    return train(_request(data, cache, tmp_path_factory.mktemp("out"), report_list=names), _tell)


@pytest.fixture(scope="module")
def cross_fitted_path(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    split = SplitRequest(test_patients=("a",))
    return train(_request(data, cache, tmp_path_factory.mktemp("out"), split=split, int8=True), _tell)


def test_the_bundle_passes_the_reader_of_the_services(bundle_path: Path) -> None:
    bundle = read_bundle(bundle_path)

    assert (bundle.manifest.name, bundle.manifest.version) == ("idc", "1000")
    assert {"MODEL_CARD.md", "model.bin", "model.onnx", "model.xml", "report/index.html", "selftest.npz"} <= set(
        bundle.manifest.files
    )
    assert {metrics.patient for metrics in bundle.manifest.metrics if metrics.side == "test"} == {"a"}
    assert bundle.manifest.dataset.patches == sum(map(sum, PATIENTS.values()))
    assert bundle.manifest.int8 is None
    assert not (bundle_path / "int8").exists()


@pytest.mark.parametrize("file", ["model.xml", "model.onnx"])
def test_both_graphs_pass_the_self_test(bundle_path: Path, file: str) -> None:
    bundle = read_bundle(bundle_path)
    vector = read_self_test(bundle)
    compiled = ov.Core().compile_model(bundle_path / file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    probability = np.concatenate([compiled(patch[None])["probability"] for patch in vector.patches])

    assert np.abs(probability - vector.probability).max() < bundle.manifest.self_test.tolerance / 10


def test_the_model_distinguishes_made_up_classes_of_an_unseen_patient(bundle_path: Path) -> None:
    (metrics,) = (m for m in read_bundle(bundle_path).manifest.metrics if m.side == "test")

    assert metrics.auc is not None
    assert metrics.auc.value > 0.9


def test_the_parity_of_all_graphs_stands_in_the_manifest(bundle_path: Path, cross_fitted_path: Path) -> None:
    without, with_int8 = (read_bundle(path).manifest.parity for path in (bundle_path, cross_fitted_path))

    assert (without.max_dp_int8, with_int8.max_dp_int8 is None) == (None, False)
    assert max(without.max_dp_openvino, without.max_dp_onnx, with_int8.max_dp_openvino, with_int8.max_dp_onnx) < 0.01


def test_the_command_line_gives_the_next_version_with_the_same_figures(
    data: Path, cache: Path, bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".candidates" / "idc" / "1004").mkdir(parents=True)
    arguments = ["train", "--data", str(data), "--cache", str(cache), "--out", str(tmp_path), "--no-int8", *OPTIONS]
    arguments.append("--allow-missed-target")

    assert main([*arguments, "--test-patients", "a", "--validation-patients", "b,e"]) == 0

    again = tmp_path / ".candidates" / "idc" / "1005"
    assert f"wrote the candidate {again}" in capsys.readouterr().out
    first, second = (json.loads((path / "manifest.json").read_text()) for path in (bundle_path, again))
    assert second["command"].startswith(f"idc-trainer train --data {data}")
    for volatile in ("created_at", "files", "version", "command"):
        first.pop(volatile), second.pop(volatile)
    assert first == second


def test_with_cross_fitting_all_but_the_test_patients_validate(cross_fitted_path: Path) -> None:
    manifest = read_bundle(cross_fitted_path).manifest

    assert manifest.split.cross_fitted
    assert manifest.split.train == manifest.split.validation == ("b", "c", "d", "e", "f")
    assert {m.side for m in manifest.metrics} == {"test"}
    assert "Validation patients: 5" in (cross_fitted_path / "MODEL_CARD.md").read_text()


def test_an_int8_twin_is_in_the_bundle_if_and_only_if_it_is_good_enough(cross_fitted_path: Path) -> None:
    manifest = read_bundle(cross_fitted_path).manifest

    assert manifest.int8 is not None
    assert manifest.int8.auc_drop_limit == 0.002
    assert manifest.int8.kept is (manifest.int8.auc_drop < 0.002)
    assert ("int8/model.xml" in manifest.files) is manifest.int8.kept
    if manifest.int8.kept:
        prove(open_bundle(cross_fitted_path, Precision.INT8))


def test_features_are_kept_by_content_and_computed_once(
    data: Path, cache: Path, bundle_path: Path, cross_fitted_path: Path
) -> None:
    """Test patches are not needed: they are scored by the compiled graph."""
    (folder,) = (cache / "features").iterdir()

    sizes = {place.name: len(FeatureStore(place, 24)) for place in folder.iterdir()}

    assert sizes["plain"] == sum(map(sum, PATIENTS.values())) - sum(PATIENTS["a"])
    assert list((cache / "runs").rglob("tensorboard/train/events*"))


def test_card_and_report_say_what_a_reader_must_know(bundle_path: Path) -> None:
    manifest = BundleManifest.model_validate_json((bundle_path / "manifest.json").read_text())
    card = (bundle_path / "MODEL_CARD.md").read_text()
    report = (bundle_path / "report" / "index.html").read_text()

    for text in (card, report):
        assert "Research use only, not a medical device" in text
        assert manifest.command in text
    assert f"{manifest.thresholds.idc_from:g}" in card
    assert "## The list `demo`" in card
    assert not re.search(r"(src|href)=[\"']?(https?:)?//|@import", report)


def test_what_was_left_out_is_named_in_the_bundle(bundle_path: Path) -> None:
    found = json.loads((bundle_path / "report" / "left-out.json").read_text())
    card = (bundle_path / "MODEL_CARD.md").read_text()

    assert found["counts"] == {"in no class folder": 1, "no patch by its size": 1}
    assert {file["path"] for file in found["files"]} == {
        "a/slide_overview.png",
        "a/0/a_idx5_x4950_y1_class0.png",
    }
    assert "a/slide_overview.png: " in (bundle_path / "report" / "index.html").read_text()
    assert "Not used: 1 in no class folder, 1 no patch by its size" in card
    assert "CC0" not in card


def test_a_list_with_an_unknown_file_is_refused(data: Path, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("absent.png\n")

    with pytest.raises(DataUnreadable, match=r"absent\.png"):
        train(_request(data, cache, tmp_path / "out", report_list=tmp_path / "list.txt"), _tell)

    assert list((tmp_path / "out" / ".candidates" / "idc").iterdir()) == []


def test_only_the_very_same_run_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    index = made_index({"a": (2, 2), "b": (2, 2), "c": (2, 2)})
    relabelled = replace(index, labels=~index.labels)
    weights = tmp_path / "w.pth"

    def folder(run_index: object = index, recipe: Recipe = RECIPE, seed: int = 0) -> Path:
        split = SplitRequest(test_patients=("a",), validation_patients=("b" if seed == 0 else "c",))
        patches = split_patients(split, run_index)  # type: ignore[arg-type]
        source = Source(DataSet(tmp_path), tmp_path, recipe, weights if weights.exists() else None)
        return Run(patches, source, Target(), _tell).folder

    first = folder()
    others = {folder(relabelled), folder(recipe=replace(RECIPE, passes=2)), folder(seed=1)}
    weights.write_bytes(b"1")
    others.add(folder())
    weights.write_bytes(b"2")
    others.add(folder())

    assert len(others | {first}) == 6
    weights.unlink()
    assert folder() == first


def test_a_number_of_the_project_is_warned_of_and_one_in_service_is_refused_before_any_work(
    data: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "idc" / "2").mkdir(parents=True)

    code = main(["train", "--data", str(data), "--out", str(tmp_path), "--cache", str(cache), "--version", "2"])

    told = capsys.readouterr().err
    assert code == OutputUnwritable.exit_code
    assert "may collide with a model of the project" in told
    assert f"{tmp_path / 'idc' / '2'} exists and a bundle is never changed" in told
    assert not (tmp_path / ".candidates").exists()
