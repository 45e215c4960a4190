"""The Open Inference Protocol v2's messages that the gateway sends and reads.

https://github.com/open-inference/open-inference-protocol (specification/protocol/inference_rest.md), and Triton's
binary tensor data extension (docs/protocol/extension_binary_data.md).
"""

import base64
import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, Json

from idc_contracts import Check, ModelRef, Probability, Sha256, Thresholds, decide
from idc_contracts.bundle import PATCH
from idc_contracts.decision import checks_from_text
from idc_gateway.inference.ports import EncodedImage, ModelDescription, Prediction

BINARY_EXTENSION: Final = "binary_tensor_data"
_NOT_STATED: Final = 0.0
_PATCH: Final = "patch"
_PATCH_SHAPE: Final = (PATCH.height_px, PATCH.width_px, 3)


class _Output(BaseModel):
    name: str
    data: list[float] | list[str]


class _Parameters(BaseModel):
    sha256: Sha256
    no_idc_below: Probability
    idc_from: Probability
    checks: str = "[]"


class Answer(BaseModel):
    """The answer to an infer request."""

    model_name: str
    model_version: str
    parameters: _Parameters
    outputs: list[_Output]

    def predictions(self, count: int) -> list[Prediction]:
        """One prediction for each image. What is decided follows from the numbers, not from the output `decision`.

        Raises:
            ValueError: An output that thresholds or checks need is absent, is not of numbers, or has another length.
        """
        given = self.parameters
        model = _model(self.model_name, self.model_version, given.sha256)
        thresholds = _thresholds(given.no_idc_below, given.idc_from)
        checks = _checks(given.checks)
        probabilities = self._numbers("probability", count)
        checked = {check.output: self._numbers(check.output, count) for check in checks}
        return [
            Prediction(
                p, model, thresholds, decide(p, thresholds, dict(zip(checked, row, strict=True)), checks).reasons
            )
            for p, *row in zip(probabilities, *checked.values(), strict=True)
        ]

    def _numbers(self, name: str, count: int) -> list[float]:
        values = next((output.data for output in self.outputs if output.name == name), [])
        if len(values) != count or isinstance(values[0], str):  # all are texts, or all are numbers
            raise ValueError(
                f"{count} images got {len(values)} values of the output {name!r}: it needs as many numbers"
            )
        return values


# Every answer of a model has the same.
@lru_cache(maxsize=8)
def _checks(text: str) -> tuple[Check, ...]:
    return checks_from_text(text)


@lru_cache(maxsize=8)
def _model(name: str, version: str, sha256: str) -> ModelRef:
    return ModelRef(name=name, version=version, sha256=sha256)


@lru_cache(maxsize=8)
def _thresholds(no_idc_below: float, idc_from: float) -> Thresholds:
    return Thresholds(no_idc_below=no_idc_below, idc_from=idc_from)


class _Input(BaseModel):
    name: str
    datatype: str
    shape: list[int]


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
    checks: Json[tuple[Check, ...]] | None = None
    server_version: str | None = None
    device: str | None = None
    device_fallback_reason: str | None = None


class ModelMetadata(BaseModel):
    """The answer to `GET /v2/models/{name}`; missing parameters are unknown."""

    name: str
    versions: list[str] | None = None
    inputs: list[_Input] | None = None
    parameters: _MetadataParameters | None = None

    @property
    def takes_patches(self) -> bool:
        """Whether it takes decoded patches of the project's size, beside encoded images."""
        return _Input(name=_PATCH, datatype="UINT8", shape=[-1, *_PATCH_SHAPE]) in (self.inputs or [])

    def description(self) -> ModelDescription:
        given, versions = self.parameters or _MetadataParameters(), self.versions or []
        thresholds = None
        if given.no_idc_below is not None and given.idc_from is not None:
            thresholds = Thresholds(no_idc_below=given.no_idc_below, idc_from=given.idc_from)
        version = given.version or max(versions, key=_as_number, default=None)
        return ModelDescription(
            self.name,
            version,
            versions,
            given.sha256,
            thresholds,
            given.card,
            given.figures,
            checks=given.checks,
            server_version=given.server_version,
            device=given.device,
            device_fallback_reason=given.device_fallback_reason,
        )


def _as_number(version: str) -> int:
    return int(version) if version.isdecimal() else -1


def patches_request(patches: Sequence[bytes], request_id: str) -> tuple[bytes, int]:
    """The body for decoded patches (`EncodedImage.patch`), and how many bytes of it are the JSON header."""
    tensor = {
        "name": _PATCH,
        "datatype": "UINT8",
        "shape": [len(patches), *_PATCH_SHAPE],
        "parameters": {"binary_data_size": sum(map(len, patches))},
    }
    head = json.dumps({"id": request_id, "inputs": [tensor]}).encode()
    return b"".join([head, *patches]), len(head)


def binary_request(images: Sequence[EncodedImage], request_id: str) -> tuple[bytes, int]:
    """The body, and how many bytes of it are the JSON header. The images are copied once."""
    size = sum(4 + len(image.data) for image in images)
    head = _request(images, request_id, parameters={"binary_data_size": size})
    pieces = (piece for image in images for piece in (struct.pack("<I", len(image.data)), image.data))
    return b"".join([head, *pieces]), len(head)


def json_request(images: Sequence[EncodedImage], request_id: str) -> bytes:
    """The body for a server without the binary extension: base64, as MLServer's `content_type` has it."""
    texts = [base64.b64encode(image.data).decode() for image in images]
    return _request(images, request_id, parameters={"content_type": "base64"}, data=texts)


def _request(images: Sequence[EncodedImage], request_id: str, **rest: Any) -> bytes:
    inputs = [{"name": "image", "datatype": "BYTES", "shape": [len(images)], **rest}]
    # A server that knows no scales is only asked about images whose scale was stated.
    if any(image.um_per_px for image in images):
        scales = [image.um_per_px or _NOT_STATED for image in images]
        inputs.append({"name": "um_per_px", "datatype": "FP32", "shape": [len(images)], "data": scales})
    return json.dumps({"id": request_id, "inputs": inputs}).encode()
