"""Responses of the Open Inference Protocol v2."""

import json
from dataclasses import dataclass
from typing import Any

from idc_inference.protocol.requests import DECISION, InferRequest
from idc_inference.protocol.tensors import join_elements
from idc_modelio.outputs import Outputs


@dataclass(frozen=True)
class EncodedResponse:
    """A response's body; `header_length` is None if it is only JSON."""

    body: bytes
    header_length: int | None


def encode_response(
    request: InferRequest, outputs: Outputs, decisions: list[str], served: dict[str, Any]
) -> EncodedResponse:
    """Write the response.

    Args:
        request: The request.
        outputs: The graph's, by name, each float32, shape (N,), finite.
        decisions: N decisions.
        served: `model_name`, `model_version` and `parameters` of the response.
    """
    tensors: list[dict[str, Any]] = []
    tail = b""
    for wanted in request.outputs:
        is_decision = wanted.name == DECISION
        tensor: dict[str, Any] = {
            "name": wanted.name,
            "datatype": "BYTES" if is_decision else "FP32",
            "shape": [len(decisions)],
        }
        if wanted.is_binary:
            raw = (
                join_elements([decision.encode() for decision in decisions])
                if is_decision
                else outputs[wanted.name].astype("<f4").tobytes()
            )
            tensor["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        else:
            tensor["data"] = decisions if is_decision else outputs[wanted.name].tolist()
        tensors.append(tensor)
    head = json.dumps(_echo(request, served) | {"outputs": tensors}).encode()
    return EncodedResponse(head + tail, len(head) if tail else None)


def _echo(request: InferRequest, served: dict[str, Any]) -> dict[str, Any]:
    """The id and parameters of the request, under those of the service."""
    parameters = {**request.parameters, **served.get("parameters", {})}
    known = {"id": request.id} if request.id is not None else {}
    return {**served, **known, **({"parameters": parameters} if parameters else {})}
