"""Writes a whole, valid model bundle around a made-up graph: the redder a patch, the higher P(IDC).

With checks, the graph has further outputs: white patches show little tissue, green ones are unfamiliar, and blue ones
are out of focus.
"""

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from idc_contracts import BundleManifest, Check, Reason, Thresholds
from idc_contracts.bundle import (
    MANIFEST_NAME,
    Backbone,
    Calibration,
    Dataset,
    Int8,
    OperatingPoint,
    Parity,
    PatchSpec,
    SelfTest,
    SlideScores,
    Split,
)
from idc_modelio.bundles import file_sha256

NO_IDC_BELOW: Final = 0.4
IDC_FROM: Final = 0.6


TINY_CHECKS: Final = (
    Check(reason=Reason.LITTLE_TISSUE, output="little_tissue", from_value=0.5),
    Check(reason=Reason.UNFAMILIAR, output="unfamiliar", from_value=0.5),
    Check(reason=Reason.UNFAMILIAR, output="distance", from_value=1.0),
    Check(reason=Reason.OUT_OF_FOCUS, output="out_of_focus", from_value=0.5),
)
TINY_SLIDE_SCORES: Final = SlideScores(
    window=3,
    idc_mean=2.0,
    idc_deviation=1.0,
    no_idc_mean=-2.0,
    no_idc_deviation=1.5,
    shift_deviation=1.0,
    verdict_deviation=0.7,
    patients=9,
)
WHITE_FROM: Final = 0.9
"""Mean of all channels over 255 from which a patch shows little tissue."""


def tiny_outputs(patches: NDArray[np.uint8], *, has_checks: bool = True) -> dict[str, NDArray[np.float32]]:
    """What the made-up graph gives for patches, uint8, shape (N, height, width, 3); each output float32, shape (N,)."""
    red, green, blue = np.moveaxis(patches.mean(axis=(1, 2)) / 255, -1, 0)
    outputs = {"probability": red}
    if has_checks:
        outputs |= {
            "little_tissue": (red + green + blue) / 3 >= WHITE_FROM,
            "out_of_focus": (blue - red - green).clip(0, 1),
            "unfamiliar": (green - red - blue).clip(0, 1),
            "distance": 3 * (green - red).clip(0, 1),
        }
    return {name: values.astype(np.float32) for name, values in outputs.items()}


def _graph(side_px: int, *, has_checks: bool) -> ov.Model:
    patch = ops.parameter([-1, side_px, side_px, 3], np.uint8, name="patch")
    patch.output(0).set_names({"patch"})
    means = ops.divide(ops.reduce_mean(ops.convert(patch, "f32"), ops.constant([1, 2])), ops.constant(np.float32(255)))
    red, green, blue = (ops.gather(means, ops.constant(channel), ops.constant(1)) for channel in range(3))
    nodes = {"probability": ops.clamp(red, 0.0, 1.0)}
    if has_checks:
        whiteness = ops.reduce_mean(means, ops.constant([1]))
        nodes |= {
            "little_tissue": ops.convert(ops.greater_equal(whiteness, ops.constant(np.float32(WHITE_FROM))), "f32"),
            "out_of_focus": ops.clamp(ops.subtract(ops.subtract(blue, red), green), 0.0, 1.0),
            "unfamiliar": ops.clamp(ops.subtract(ops.subtract(green, red), blue), 0.0, 1.0),
            "distance": ops.multiply(ops.clamp(ops.subtract(green, red), 0.0, 1.0), ops.constant(np.float32(3))),
        }
    for name, node in nodes.items():
        node.output(0).set_names({name})
    return ov.Model(list(nodes.values()), [patch], "tiny")


def write_tiny_bundle(
    root: Path, *, version: str = "1", name: str = "idc", has_checks: bool = False, has_slide_scores: bool = False
) -> Path:
    """Write `<root>/<name>/<version>/` and return that folder.

    P(IDC) is the mean of the red channel over 255; the thresholds are 0.4 and 0.6. With checks, the graph has the
    outputs of `tiny_outputs`, and the manifest has `TINY_CHECKS`; with slide scores, it has `TINY_SLIDE_SCORES`.
    """
    folder = root / name / version
    folder.mkdir(parents=True)
    ov.save_model(_graph(50, has_checks=has_checks), folder / "model.xml", compress_to_fp16=False)
    colours = [(level, level, level) for level in (0, 64, 128, 192, 255)]
    if has_checks:
        colours += [(0, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 0)]
    patches = np.tile(np.array(colours, np.uint8)[:, None, None], (1, 50, 50, 1))
    np.savez_compressed(folder / "selftest.npz", patches=patches, **tiny_outputs(patches, has_checks=has_checks))
    (folder / "MODEL_CARD.md").write_text("A made-up model for tests.\n")
    manifest = _manifest(folder, name, version, len(patches), TINY_CHECKS if has_checks else ())
    if has_slide_scores:
        manifest = manifest.model_copy(update={"slide_scores": TINY_SLIDE_SCORES})
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2))
    return folder


def add_int8_graph(folder: Path, probability: float | None = None) -> None:
    """Give a bundle an INT8 graph, which computes the same, with a self-test of its own.

    Its self-test expects one P(IDC) of all patches, if it is given.
    """
    (folder / "int8").mkdir()
    for name in ("model.xml", "model.bin"):
        shutil.copy(folder / name, folder / "int8" / name)
    with np.load(folder / "selftest.npz") as archive:
        arrays = dict(archive)
    if probability is not None:
        arrays["probability"] = np.full_like(arrays["probability"], probability)
    np.savez_compressed(folder / "int8" / "selftest.npz", **arrays)
    manifest = BundleManifest.model_validate_json((folder / MANIFEST_NAME).read_text())
    vector = manifest.self_test.model_copy(update={"file": "int8/selftest.npz"})
    added = {path.relative_to(folder).as_posix(): file_sha256(path) for path in (folder / "int8").iterdir()}
    changed = manifest.model_copy(
        update={
            "int8": Int8(kept=True, auc_drop=0.0, auc_drop_limit=0.002, self_test=vector),
            "files": manifest.files | added,
        }
    )
    (folder / MANIFEST_NAME).write_text(changed.model_dump_json(indent=2))


def _manifest(
    folder: Path, name: str, version: str, self_test_patches: int, checks: tuple[Check, ...]
) -> BundleManifest:
    digest = hashlib.sha256(b"made up").hexdigest()
    return BundleManifest(
        name=name,
        version=version,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="0.0.0",
        command="none: made for a test",
        patch=PatchSpec(height_px=50, width_px=50),
        backbone=Backbone(name="none", stages=("none",), input_px=50, weights_source="none", weights_sha256=digest),
        calibration=Calibration(temperature=1.0),
        thresholds=Thresholds(no_idc_below=NO_IDC_BELOW, idc_from=IDC_FROM),
        checks=checks,
        operating_point=OperatingPoint(
            target_sensitivity=0.95,
            target_specificity=0.95,
            validation_sensitivity=1.0,
            validation_specificity=1.0,
            validation_coverage=1.0,
        ),
        split=Split(id=digest, train=("1",), validation=("2",), test=("3",)),
        dataset=Dataset(sha256=digest, patches=3, positives=1),
        metrics=(),
        self_test=SelfTest(file="selftest.npz", patches=self_test_patches, tolerance=0.001),
        parity=Parity(patches=1, max_dp_openvino=0.0, max_dp_onnx=0.0),
        precision="FP32",
        files={path.name: file_sha256(path) for path in sorted(folder.iterdir())},
    )
