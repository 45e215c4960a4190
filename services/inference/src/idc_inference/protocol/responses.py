"""Responses of the Open Inference Protocol v2."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idc_inference.protocol.requests import PROBABILITY, InferRequest
from idc_inference.protocol.tensors import join_elements


@dataclass(frozen=True)
class EncodedResponse:
    """A response's body; `header_length` is None if it is only JSON."""

    body: bytes
    header_length: int | None


def encode_response(
    request: InferRequest, probability: NDArray[np.float32], decisions: list[str], served: dict[str, Any]
) -> EncodedResponse:
    """Write the response.

    Args:
        request: The request.
        probability: Calibrated P(IDC), float32, shape (N,), values 0.0-1.0.
        decisions: N decisions.
        served: `model_name`, `model_version` and `parameters` of the response.
    """
    outputs: list[dict[str, Any]] = []
    tail = b""
    for wanted in request.outputs:
        is_probability = wanted.name == PROBABILITY
        output: dict[str, Any] = {
            "name": wanted.name,
            "datatype": "FP32" if is_probability else "BYTES",
            "shape": [len(probability)],
        }
        if wanted.is_binary:
            raw = (
                probability.astype("<f4").tobytes()
                if is_probability
                else join_elements([d.encode() for d in decisions])
            )
            output["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        else:
            output["data"] = probability.tolist() if is_probability else decisions
        outputs.append(output)
    head = json.dumps(_echo(request, served) | {"outputs": outputs}).encode()
    return EncodedResponse(head + tail, len(head) if tail else None)


def _echo(request: InferRequest, served: dict[str, Any]) -> dict[str, Any]:
    """The id and parameters of the request, under those of the service."""
    parameters = {**request.parameters, **served.get("parameters", {})}
    known = {"id": request.id} if request.id is not None else {}
    return {**served, **known, **({"parameters": parameters} if parameters else {})}
