"""From a request to decisions: decode, run the graph, apply the bundle's thresholds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Decision
from idc_inference.errors import BadRequest, EngineFailed
from idc_inference.protocol import InferRequest
from idc_inference.serving import ServedModel
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch


@dataclass(frozen=True)
class Classified:
    """N results."""

    probability: NDArray[np.float32]
    """Calibrated P(IDC), float32, shape (N,), values 0.0-1.0."""
    decisions: list[Decision]


def classify(model: ServedModel, request: InferRequest) -> Classified:
    """Classify what a request holds; blocks the calling thread.

    Raises:
        BadRequest: An image cannot be read; the text names its index.
        EngineFailed: The device could not run the graph, or what it computed is no number.
    """
    patches = _decode(model, request.source) if isinstance(request.source, list) else request.source
    probability = np.clip(model.engine.infer(patches), 0.0, 1.0)
    if np.isnan(probability).any():
        raise EngineFailed(f"the device {model.engine.device} computed no number for {len(patches)} patches")
    thresholds = model.bundle.manifest.thresholds
    return Classified(probability, [thresholds.decide(float(value)) for value in probability])


def _decode(model: ServedModel, images: list[memoryview]) -> NDArray[np.uint8]:
    spec = model.bundle.manifest.patch
    patches = np.empty((len(images), spec.height_px, spec.width_px, 3), np.uint8)
    for index, image in enumerate(images):
        try:
            patches[index] = decode_patch(bytes(image), height_px=spec.height_px, width_px=spec.width_px)
        except PatchError as exc:
            raise BadRequest(f"image[{index}]: {exc}") from exc
    return patches
