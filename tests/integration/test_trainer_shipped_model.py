"""The model that ships, on the images that a person sees first. The real patches are needed for the second half."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from idc_contracts import Decided, Decision, Reason, decide
from idc_contracts.bundle import Precision
from idc_modelio.bundle_graphs import graph_of
from idc_modelio.bundles import Bundle, check_self_test, read_bundle, read_self_test
from idc_modelio.patches import decode_patch
from idc_trainer.artefacts.kinds import KINDS, Kind
from idc_trainer.export.self_test import synthetic_patches
from support.shipped_model import SHIPPED_BUNDLE

pytestmark = pytest.mark.integration

UNAIDED = ("glass", "flat", "noise", "drawing")
"""The kinds of artefacts that are made without tissue."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(SHIPPED_BUNDLE)


@pytest.fixture(scope="module")
def compiled(bundle: Bundle) -> ov.CompiledModel:
    return _compile(bundle.path / "model.xml")


def _compile(path: Path) -> ov.CompiledModel:
    return ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


@pytest.mark.parametrize("precision", [*Precision])
def test_the_shipped_graphs_pass_their_self_test(bundle: Bundle, precision: Precision) -> None:
    graph = graph_of(bundle, precision)
    vector = read_self_test(bundle, graph.self_test)

    check_self_test(bundle, vector, _compile(graph.path)({"patch": vector.patches}))


def test_the_graph_for_a_stick_gives_the_same_one_patch_at_a_time(bundle: Bundle) -> None:
    vector = read_self_test(bundle)
    graph = _compile(bundle.path / "model.onnx")
    found = [graph({"patch": patch[None]}) for patch in vector.patches]

    check_self_test(bundle, vector, {name: np.concatenate([one[name] for one in found]) for name in vector.outputs})


def test_patient_8975_is_a_test_patient(bundle: Bundle) -> None:
    assert "8975" in bundle.manifest.split.test
    assert "8975" not in {*bundle.manifest.split.train, *bundle.manifest.split.validation}


def test_the_bundle_is_of_bounded_size_and_names_no_folder_of_its_maker(bundle: Bundle) -> None:
    files = [path for path in bundle.path.rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 60_000_000
    for folder in (str(Path.home()), str(Path(__file__).parents[2])):
        assert not [path for path in files if folder.encode() in path.read_bytes()]


def _decide(bundle: Bundle, compiled: ov.CompiledModel, patches: NDArray[np.uint8]) -> list[Decided]:
    found, manifest = compiled({"patch": patches}), bundle.manifest
    return [
        decide(
            float(found["probability"][row]),
            manifest.thresholds,
            {check.output: float(found[check.output][row]) for check in manifest.checks},
            manifest.checks,
        )
        for row in range(len(patches))
    ]


@pytest.mark.parametrize("colour", [(255, 255, 255), (245, 243, 246), (0, 0, 0), (128, 128, 128), (230, 150, 200)])
def test_a_flat_colour_is_no_tissue(bundle: Bundle, compiled: ov.CompiledModel, colour: tuple[int, int, int]) -> None:
    (found,) = _decide(bundle, compiled, np.full((1, 50, 50, 3), colour, np.uint8))

    assert found.decision is Decision.UNCERTAIN
    assert Reason.BETWEEN_THRESHOLDS not in found.reasons or len(found.reasons) > 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name in UNAIDED], ids=lambda kind: kind.name)
def test_what_is_no_patch_is_not_decided(bundle: Bundle, compiled: ov.CompiledModel, kind: Kind) -> None:
    rng = np.random.default_rng(99)
    tissue = synthetic_patches(1)

    made = np.stack([kind.make(tissue[int(rng.integers(len(tissue)))], rng) for _ in range(200)])

    decided = [one for one in _decide(bundle, compiled, made) if one.decision is not Decision.UNCERTAIN]
    assert len(decided) <= 1


@pytest.mark.parametrize(
    ("name", "decisions"), [("positive", {Decision.IDC}), ("negative", {Decision.NO_IDC, Decision.UNCERTAIN})]
)
def test_no_demo_image_is_decided_wrong(
    bundle: Bundle, compiled: ov.CompiledModel, idc_data: Path, name: str, decisions: set[Decision]
) -> None:
    patch = decode_patch((idc_data / "origin" / f"{name}.png").read_bytes(), height_px=50, width_px=50)

    (found,) = _decide(bundle, compiled, patch[None])

    assert found.decision in decisions


def test_the_figures_of_the_test_patient_are_those_of_the_compiled_model(
    bundle: Bundle, compiled: ov.CompiledModel, idc_data: Path
) -> None:
    (metrics,) = (m for m in bundle.manifest.metrics if m.patient == "8975")
    files = sorted((idc_data / "idc" / "8975").glob("*/*.png"))
    if len(files) != metrics.patches:
        pytest.skip(f"IDC_DATA has {len(files)} of the {metrics.patches} patches that the figures are of")

    patches = np.stack([decode_patch(path.read_bytes(), height_px=50, width_px=50) for path in files])
    found = [one.decision for one in _decide(bundle, compiled, patches)]

    positives = [decision for path, decision in zip(files, found, strict=True) if path.parent.name == "1"]
    assert metrics.misses is not None
    assert metrics.misses.value == pytest.approx(positives.count(Decision.NO_IDC) / len(positives), abs=1e-3)
    assert metrics.coverage.value == pytest.approx(1 - found.count(Decision.UNCERTAIN) / len(found), abs=1e-3)
