"""The Open Inference Protocol v2's messages that the gateway sends and reads.

https://github.com/open-inference/open-inference-protocol (specification/protocol/inference_rest.md), and Triton's
binary tensor data extension (docs/protocol/extension_binary_data.md).
"""

import base64
import json
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, Json

from idc_contracts import Decision, ModelRef, Probability, Sha256, Thresholds
from idc_gateway.inference.ports import ModelDescription, Prediction

BINARY_EXTENSION: Final = "binary_tensor_data"


class _Probabilities(BaseModel):
    name: Literal["probability"]
    data: list[Probability]


class _Decisions(BaseModel):
    name: Literal["decision"]
    data: list[Decision]


_Output = Annotated[_Probabilities | _Decisions, Field(discriminator="name")]


class _Parameters(BaseModel):
    sha256: Sha256
    no_idc_below: Probability
    idc_from: Probability


class Answer(BaseModel):
    """The answer to an infer request."""

    model_name: str
    model_version: str
    parameters: _Parameters
    outputs: list[_Output]

    def predictions(self, count: int) -> list[Prediction]:
        """One prediction for each image.

        Raises:
            ValueError: There are not as many as images were sent.
        """
        model = ModelRef(name=self.model_name, version=self.model_version, sha256=self.parameters.sha256)
        thresholds = Thresholds(no_idc_below=self.parameters.no_idc_below, idc_from=self.parameters.idc_from)
        probabilities = [
            value for output in self.outputs if isinstance(output, _Probabilities) for value in output.data
        ]
        decisions = [value for output in self.outputs if isinstance(output, _Decisions) for value in output.data]
        if not len(probabilities) == len(decisions) == count:
            raise ValueError(f"{count} images got {len(probabilities)} probabilities and {len(decisions)} decisions")
        return [
            Prediction(p, decision, model, thresholds) for p, decision in zip(probabilities, decisions, strict=True)
        ]


class ServerMetadata(BaseModel):
    """The answer to `GET /v2`."""

    extensions: list[str] | None = None


class _MetadataParameters(BaseModel):
    version: str | None = None
    sha256: Sha256 | None = None
    no_idc_below: Probability | None = None
    idc_from: Probability | None = None
    card: str | None = None
    figures: Json[dict[str, Any]] | None = None


class ModelMetadata(BaseModel):
    """The answer to `GET /v2/models/{name}`; missing parameters are unknown."""

    name: str
    versions: list[str] | None = None
    parameters: _MetadataParameters | None = None

    def description(self) -> ModelDescription:
        given, versions = self.parameters or _MetadataParameters(), self.versions or []
        thresholds = None
        if given.no_idc_below is not None and given.idc_from is not None:
            thresholds = Thresholds(no_idc_below=given.no_idc_below, idc_from=given.idc_from)
        version = given.version or max(versions, key=_as_number, default=None)
        return ModelDescription(self.name, version, versions, given.sha256, thresholds, given.card, given.figures)


def _as_number(version: str) -> int:
    return int(version) if version.isdecimal() else -1


def binary_request(images: Sequence[bytes], request_id: str) -> tuple[bytes, int]:
    """The body, and how many bytes of it are the JSON header. The images are copied once."""
    size = sum(4 + len(image) for image in images)
    head = _request(images, request_id, parameters={"binary_data_size": size})
    pieces = (piece for image in images for piece in (struct.pack("<I", len(image)), image))
    return b"".join([head, *pieces]), len(head)


def json_request(images: Sequence[bytes], request_id: str) -> bytes:
    """The body for a server without the binary extension: base64, as MLServer's `content_type` has it."""
    texts = [base64.b64encode(image).decode() for image in images]
    return _request(images, request_id, parameters={"content_type": "base64"}, data=texts)


def _request(images: Sequence[bytes], request_id: str, **rest: Any) -> bytes:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(images)], **rest}
    return json.dumps({"id": request_id, "inputs": [tensor]}).encode()
