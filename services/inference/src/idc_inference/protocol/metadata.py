"""Metadata of the server and its model, by the Open Inference Protocol and Triton's extensions."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from idc_contracts.decision import checks_to_text
from idc_contracts.slide_scores import slide_scores_to_text
from idc_inference.models.repository import ModelRepository
from idc_inference.models.served_model import ServedModel
from idc_inference.protocol.requests import DECISION, IMAGE, PATCH, Offer
from idc_inference.protocol.scales import UM_PER_PX


def server_metadata() -> dict[str, Any]:
    """The answer to `GET /v2`."""
    return {
        "name": "idc-sentinel-inference",
        "version": version("idc-inference"),
        "extensions": ["binary_tensor_data", "model_repository", "statistics"],
    }


def offer_of(model: ServedModel) -> Offer:
    """What requests may send to the model and get of it."""
    spec = model.bundle.manifest.patch
    return Offer(spec.height_px, spec.width_px, model.outputs)


def served_parameters(model: ServedModel) -> dict[str, Any]:
    """The provenance of a result, in the `parameters` of each response."""
    thresholds = model.bundle.manifest.thresholds
    return {
        "sha256": model.bundle.sha256,
        "no_idc_below": thresholds.no_idc_below,
        "idc_from": thresholds.idc_from,
        "checks": checks_to_text(model.bundle.manifest.checks),
    }


def model_metadata(model: ServedModel, repository: ModelRepository) -> dict[str, Any]:
    """The answer to `GET /v2/models/{name}`; parameters are texts and numbers, as the protocol has it."""
    manifest = model.bundle.manifest
    spec = manifest.patch
    return {
        "name": manifest.name,
        "versions": [str(version) for version in sorted(repository.versions.served)],
        "platform": "openvino",
        "inputs": [
            {"name": IMAGE, "datatype": "BYTES", "shape": [-1]},
            {"name": UM_PER_PX, "datatype": "FP32", "shape": [-1]},
            {"name": PATCH, "datatype": "UINT8", "shape": [-1, spec.height_px, spec.width_px, 3]},
        ],
        "outputs": [
            {"name": name, "datatype": "BYTES" if name == DECISION else "FP32", "shape": [-1]}
            for name in offer_of(model).output_names
        ],
        "parameters": {
            **served_parameters(model),
            "version": manifest.version,
            "precision": model.precision.upper(),
            "slide_scores": slide_scores_to_text(manifest.slide_scores),
            "card": model.card,
            "figures": manifest.model_dump_json(include={"operating_point", "metrics", "reference"}),
            "server_version": version("idc-inference"),
            "device": model.device.running,
            "device_requested": model.device.requested,
            "devices_available": ", ".join(model.device.available),
            "device_fallback_reason": model.device.fallback_reason,
            "version_pinned": "" if repository.pinned is None else str(repository.pinned),
            **{f"refused_version_{version}": why for version, why in repository.versions.refused.items()},
            "notice": "For research use only. Not a medical device.",
        },
    }


def repository_index(repository: ModelRepository) -> list[dict[str, Any]]:
    """The answer to `POST /v2/repository/index`, by Triton's model repository extension."""
    versions = repository.versions
    refused = {version: ("UNAVAILABLE", why) for version, why in versions.refused.items()}
    # a version that was changed in place and refused is still served as it was
    states = refused | {version: ("READY", refused.get(version, ("", ""))[1]) for version in versions.served}
    return [
        {"name": repository.name, "version": str(version), "state": state, "reason": reason}
        for version, (state, reason) in sorted(states.items())
    ]


def model_statistics(models: Iterable[ServedModel]) -> dict[str, Any]:
    """The answer to `GET /v2/models/stats` and `GET /v2/models/{name}/stats`, by Triton's statistics extension."""
    return {
        "model_stats": [
            model.statistics.as_wire(model.ref.name, model.ref.version, model.scheduler.executions) for model in models
        ]
    }


def model_config(model: ServedModel) -> dict[str, Any]:
    """The answer to `GET /v2/models/{name}/config`, by Triton's model configuration extension."""
    spec = model.bundle.manifest.patch
    return {
        "name": model.ref.name,
        "platform": "openvino",
        "backend": "openvino",
        "max_batch_size": 0,
        "input": [
            {"name": IMAGE, "data_type": "TYPE_STRING", "dims": [-1], "optional": True},
            {"name": UM_PER_PX, "data_type": "TYPE_FP32", "dims": [-1], "optional": True},
            {
                "name": PATCH,
                "data_type": "TYPE_UINT8",
                "dims": [-1, spec.height_px, spec.width_px, 3],
                "optional": True,
            },
        ],
        "output": [
            {"name": name, "data_type": "TYPE_STRING" if name == DECISION else "TYPE_FP32", "dims": [-1]}
            for name in offer_of(model).output_names
        ],
    }
