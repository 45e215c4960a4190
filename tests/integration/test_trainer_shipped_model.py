"""The model that ships, on the images that a person sees first. The real patches are needed for the second half."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from idc_contracts import Decision
from idc_modelio.bundles import Bundle, read_bundle, read_self_test
from idc_modelio.patches import decode_patch

pytestmark = pytest.mark.integration

BUNDLE = Path(__file__).parents[2] / "models" / "idc" / "2"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(BUNDLE)


@pytest.fixture(scope="module")
def compiled(bundle: Bundle) -> ov.CompiledModel:
    return ov.Core().compile_model(bundle.path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@pytest.mark.parametrize("file", ["model.xml", "model.onnx"])
def test_the_shipped_graphs_pass_their_self_test(bundle: Bundle, file: str) -> None:
    vector = read_self_test(bundle)
    graph = ov.Core().compile_model(bundle.path / file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    probability = np.concatenate([graph(patch[None])[0] for patch in vector.patches])

    assert np.abs(probability - vector.probability).max() <= bundle.manifest.self_test.tolerance


def test_patient_8975_is_a_test_patient(bundle: Bundle) -> None:
    assert "8975" in bundle.manifest.split.test
    assert "8975" not in {*bundle.manifest.split.train, *bundle.manifest.split.validation}


def test_the_bundle_is_small_and_names_no_folder_of_its_maker(bundle: Bundle) -> None:
    files = [path for path in bundle.path.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 8_000_000
    for folder in (str(Path.home()), str(Path(__file__).parents[2])):
        assert not [path for path in files if folder.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("name", "decisions"), [("positive", {Decision.IDC}), ("negative", {Decision.NO_IDC, Decision.UNCERTAIN})]
)
def test_no_demo_image_is_decided_wrong(
    bundle: Bundle, compiled: ov.CompiledModel, idc_data: Path, name: str, decisions: set[Decision]
) -> None:
    patch = decode_patch((idc_data / "origin" / f"{name}.png").read_bytes(), height_px=50, width_px=50)

    probability = float(compiled({"patch": patch[None]})["probability"][0])

    assert bundle.manifest.thresholds.decide(probability) in decisions


def test_the_figures_of_a_test_patient_are_those_of_the_compiled_model(
    bundle: Bundle, compiled: ov.CompiledModel, idc_data: Path
) -> None:
    """The model was measured on patches with IDC alone of this patient."""
    (metrics,) = (m for m in bundle.manifest.metrics if m.patient == "8984")
    files = sorted((idc_data / "idc" / "8984" / "1").glob("*.png"))
    if len(files) != metrics.patches:
        pytest.skip(f"IDC_DATA has {len(files)} of the {metrics.patches} patches that the figures are of")

    patches = np.stack([decode_patch(path.read_bytes(), height_px=50, width_px=50) for path in files])
    decisions = [bundle.manifest.thresholds.decide(float(p)) for p in compiled({"patch": patches})["probability"]]

    decided = [decision for decision in decisions if decision is not Decision.UNCERTAIN]
    assert metrics.sensitivity is not None
    assert metrics.sensitivity.value == pytest.approx(decided.count(Decision.IDC) / len(decided), abs=1e-4)
    assert metrics.coverage.value == pytest.approx(len(decided) / len(decisions), abs=1e-4)
