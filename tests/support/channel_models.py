"""Models that read one colour channel; patients whose red channel tells their class and whose green tells little."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from idc_contracts.bundle import MANIFEST_NAME
from idc_modelio.bundles import file_sha256
from support.made_patches import write_patch
from support.tiny_bundle import write_tiny_bundle

RED, GREEN = 0, 1


def _graph(channel: int) -> ov.Model:
    patch = ops.parameter([-1, 50, 50, 3], np.uint8, name="patch")
    patch.output(0).set_names({"patch"})
    chosen = ops.gather(ops.convert(patch, "f32"), ops.constant(channel), ops.constant(3))
    probability = ops.divide(ops.reduce_mean(chosen, ops.constant([1, 2])), ops.constant(np.float32(255)))
    probability.output(0).set_names({"probability"})
    return ov.Model([probability], [patch], "channel")


def write_channel_model(
    root: Path, version: str, channel: int = RED, learned_from: tuple[str, ...] = ("1", "2"), name: str = "idc"
) -> Path:
    """Write a valid bundle whose P(IDC) is the mean of one channel over 255; returns its folder.

    Args:
        root: The folder of models, or of candidates.
        version: Of the bundle.
        channel: RED or GREEN.
        learned_from: The training patient and the validation patient that its manifest names.
        name: Of the model.
    """
    folder = write_tiny_bundle(root, version=version, name=name)
    ov.save_model(_graph(channel), folder / "model.xml", compress_to_fp16=False)
    manifest = json.loads((folder / MANIFEST_NAME).read_text())
    manifest["files"] |= {file: file_sha256(folder / file) for file in ("model.xml", "model.bin")}
    manifest["split"] |= {"train": learned_from[:1], "validation": learned_from[1:]}
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    return folder


def write_channel_patches(root: Path, patients: int, each: int = 12) -> Path:
    """Write patients `p0`, `p1`, … with so many patches of each class; returns `root`."""
    rng = np.random.default_rng(0)
    for patient in range(patients):
        for label in (0, 1):
            for number in range(each):
                red, green = rng.normal(90 + 80 * label, 15), rng.normal(120 + 10 * label, 40)
                patch = np.zeros((50, 50, 3), np.uint8)
                patch[...] = np.clip((red, green, rng.integers(0, 255)), 0, 255)
                write_patch(root, f"p{patient}", label, number, patch)
    return root
