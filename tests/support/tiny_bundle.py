"""Writes a whole, valid model bundle around a made-up graph: the redder a patch, the higher P(IDC)."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from idc_contracts import BundleManifest, Thresholds
from idc_contracts.bundle import (
    MANIFEST_NAME,
    Backbone,
    Calibration,
    Dataset,
    OperatingPoint,
    Parity,
    PatchSpec,
    SelfTest,
    Split,
)
from idc_modelio.bundles import file_sha256

NO_IDC_BELOW: Final = 0.4
IDC_FROM: Final = 0.6


def _graph(side_px: int) -> ov.Model:
    patch = ops.parameter([-1, side_px, side_px, 3], np.uint8, name="patch")
    patch.output(0).set_names({"patch"})
    red = ops.gather(ops.convert(patch, "f32"), ops.constant(0), ops.constant(3))
    mean = ops.divide(ops.reduce_mean(red, ops.constant([1, 2])), ops.constant(np.float32(255)))
    probability = ops.clamp(mean, 0.0, 1.0)
    probability.output(0).set_names({"probability"})
    return ov.Model([probability], [patch], "tiny")


def write_tiny_bundle(root: Path, *, version: str = "1", name: str = "idc") -> Path:
    """Write `<root>/<name>/<version>/` and return that folder.

    P(IDC) is the mean of the red channel over 255; the thresholds are 0.4 and 0.6.
    """
    folder = root / name / version
    folder.mkdir(parents=True)
    ov.save_model(_graph(50), folder / "model.xml", compress_to_fp16=False)
    levels = np.array([0, 64, 128, 192, 255], np.uint8)
    patches = np.broadcast_to(levels[:, None, None, None], (len(levels), 50, 50, 3))
    np.savez(folder / "selftest.npz", patches=patches, probability=(levels / 255).astype(np.float32))
    (folder / "MODEL_CARD.md").write_text("A made-up model for tests.\n")
    manifest = _manifest(folder, name, version, len(levels))
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2))
    return folder


def _manifest(folder: Path, name: str, version: str, self_test_patches: int) -> BundleManifest:
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
