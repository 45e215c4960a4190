"""The whole way from made-up patches to a bundle, with a short backbone at a small input."""

import json
import re
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from idc_contracts.bundle import BundleManifest
from idc_modelio.bundles import read_bundle, read_self_test
from idc_trainer.data.patches import Progress
from idc_trainer.errors import DataUnreadable, OperatingPointUnreachable
from idc_trainer.learning.recipe import Recipe
from idc_trainer.training import TrainingRequest, train
from support.made_patches import write_patch_folder

PATIENTS = {"a": (10, 10), "b": (10, 8), "c": (12, 8), "d": (8, 8), "e": (0, 6), "f": (0, 6)}
RECIPE = Recipe(input_px=48, stages=("stride8",), stage_gains=(1.0,), stain_passes=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patch_folder(tmp_path_factory.mktemp("data"), PATIENTS)


def _request(data: Path, out: Path, **changes: object) -> TrainingRequest:
    options = {"test_patients": ("a",), "recipe": RECIPE, "command": "idc-trainer train --data d"} | changes
    return TrainingRequest(data=data, out=out, **options)  # type: ignore[arg-type]


def _tell(*_: object) -> None:
    return None


@pytest.fixture(scope="module")
def bundle_path(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = tmp_path_factory.mktemp("list") / "demo.txt"
    names.write_text("a_idx5_x0_y1_class1.png\na_idx5_x0_y1_class0.png\n")
    return train(_request(data, tmp_path_factory.mktemp("out"), report_list=names), _tell)


def test_the_bundle_passes_the_reader_of_the_services(bundle_path: Path) -> None:
    bundle = read_bundle(bundle_path)

    assert (bundle.manifest.name, bundle.manifest.version) == ("idc", "1")
    assert set(bundle.manifest.files) == {
        "MODEL_CARD.md", "model.bin", "model.onnx", "model.xml", "report/index.html", "selftest.npz",
    }  # fmt: skip
    assert {metrics.patient for metrics in bundle.manifest.metrics if metrics.side == "test"} == {"a"}
    assert bundle.manifest.dataset.patches == sum(map(sum, PATIENTS.values()))


@pytest.mark.parametrize("file", ["model.xml", "model.onnx"])
def test_both_graphs_pass_the_self_test(bundle_path: Path, file: str) -> None:
    bundle = read_bundle(bundle_path)
    vector = read_self_test(bundle)
    compiled = ov.Core().compile_model(bundle_path / file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    probability = np.concatenate([compiled(patch[None])[0] for patch in vector.patches])

    assert np.abs(probability - vector.probability).max() < bundle.manifest.self_test.tolerance / 10


def test_the_model_tells_made_up_classes_of_an_unseen_patient_apart(bundle_path: Path) -> None:
    (metrics,) = (m for m in read_bundle(bundle_path).manifest.metrics if m.side == "test")

    assert metrics.auc is not None
    assert metrics.auc.value > 0.9


def test_training_again_gives_the_next_version_with_the_same_figures(
    data: Path, bundle_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "idc" / "4").mkdir(parents=True)

    again = train(_request(data, tmp_path), _tell)

    assert again == tmp_path / "idc" / "5"
    first, second = (json.loads((path / "manifest.json").read_text()) for path in (bundle_path, again))
    for volatile in ("created_at", "files", "version"):
        first.pop(volatile), second.pop(volatile)
    assert first == second


def test_card_and_report_say_what_a_reader_must_know(bundle_path: Path) -> None:
    manifest = BundleManifest.model_validate_json((bundle_path / "manifest.json").read_text())
    card = (bundle_path / "MODEL_CARD.md").read_text()
    report = (bundle_path / "report" / "index.html").read_text()

    for text in (card, report):
        assert "Research use only, not a medical device" in text
        assert manifest.command in text
        assert f"{manifest.thresholds.idc_from:g}" in text
    assert "## The list `demo`" in card
    assert report.count("<svg") == 2
    assert not re.search(r"(src|href)=|https?://|@import", report)


def test_a_list_with_an_unknown_file_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("absent.png\n")

    with pytest.raises(DataUnreadable, match=r"absent\.png"):
        train(_request(data, tmp_path / "out", report_list=tmp_path / "list.txt"), _tell)


def test_labels_that_mean_nothing_give_no_bundle(tmp_path: Path, silent: Progress) -> None:
    """Patients whose pixels say nothing of the label: nothing may be shipped."""
    rng = np.random.default_rng(0)
    root = write_patch_folder(tmp_path / "data", {"a": (6, 6), "b": (6, 6), "c": (6, 6)})
    for path in root.rglob("*.png"):
        twin = rng.choice(sorted(root.rglob("*class1.png")))
        path.write_bytes(Path(twin).read_bytes() + bytes([rng.integers(256), rng.integers(256), rng.integers(256)]))

    with pytest.raises((OperatingPointUnreachable, RuntimeError)):
        train(_request(root, tmp_path / "out", target_sensitivity=0.99, target_specificity=0.99), silent)

    assert list((tmp_path / "out" / "idc").iterdir()) == []
