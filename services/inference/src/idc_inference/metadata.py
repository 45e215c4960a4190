"""What the service says of itself and of its model, as the Open Inference Protocol asks."""

from typing import Any

from idc_inference.protocol import DECISION, IMAGE, PATCH, PROBABILITY
from idc_inference.serving import ServedModel


def server_metadata(version: str) -> dict[str, Any]:
    """The answer to `GET /v2`."""
    return {"name": "idc-sentinel-inference", "version": version, "extensions": ["binary_tensor_data"]}


def served_parameters(model: ServedModel) -> dict[str, Any]:
    """What each response carries in `parameters`, so that a result says what made it."""
    thresholds = model.bundle.manifest.thresholds
    return {
        "sha256": model.bundle.sha256,
        "no_idc_below": thresholds.no_idc_below,
        "idc_from": thresholds.idc_from,
    }


def model_metadata(model: ServedModel) -> dict[str, Any]:
    """The answer to `GET /v2/models/{name}`."""
    manifest = model.bundle.manifest
    spec = manifest.patch
    return {
        "name": manifest.name,
        "versions": [manifest.version],
        "platform": "openvino",
        "inputs": [
            {"name": IMAGE, "datatype": "BYTES", "shape": [-1]},
            {"name": PATCH, "datatype": "UINT8", "shape": [-1, spec.height_px, spec.width_px, 3]},
        ],
        "outputs": [
            {"name": PROBABILITY, "datatype": "FP32", "shape": [-1]},
            {"name": DECISION, "datatype": "BYTES", "shape": [-1]},
        ],
        "parameters": {
            **served_parameters(model),
            "device": model.engine.device,
            "notice": "For research use only. Not a medical device.",
        },
    }
