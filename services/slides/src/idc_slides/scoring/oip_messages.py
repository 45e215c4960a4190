"""The Open Inference Protocol v2's messages that this service sends and reads.

https://github.com/open-inference/open-inference-protocol (specification/protocol/inference_rest.md), and Triton's
binary tensor data extension (docs/protocol/extension_binary_data.md).
"""

import base64
import io
import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Json

from idc_contracts import Check, ModelRef, Probability, Reason, Sha256, Thresholds
from idc_contracts.slide_scores import SlideScores
from idc_slides.records.cells import REASONS, ScreeningModel

BINARY_EXTENSION: Final = "binary_tensor_data"
PATCH: Final = "patch"
IMAGE: Final = "image"
PROBABILITY: Final = "probability"


class ServerMetadata(BaseModel):
    """The answer to `GET /v2`."""

    extensions: list[str] | None = None


class _Input(BaseModel):
    name: str


class _MetadataParameters(BaseModel):
    version: str
    sha256: Sha256
    no_idc_below: Probability
    idc_from: Probability
    checks: Json[tuple[Check, ...]] = ()
    slide_scores: Json[SlideScores | None] = None


class ModelMetadata(BaseModel):
    """The answer to `GET /v2/models/{name}`."""

    name: str
    inputs: list[_Input]
    parameters: _MetadataParameters

    def model(self) -> ScreeningModel:
        """What the cut of a slide follows from."""
        given = self.parameters
        return ScreeningModel(
            ref=ModelRef(name=self.name, version=given.version, sha256=given.sha256),
            thresholds=Thresholds(no_idc_below=given.no_idc_below, idc_from=given.idc_from),
            checks=given.checks,
            scores=given.slide_scores,
        )

    def takes(self, name: str) -> bool:
        """Whether the model has an input of this name."""
        return any(tensor.name == name for tensor in self.inputs)


@dataclass(frozen=True)
class Scores:
    """Scores of some cells."""

    probabilities: NDArray[np.float32]
    """[N], calibrated P(IDC), 0.0-1.0."""
    reasons: NDArray[np.uint8]
    """[N], bits in the order of `REASONS`: what the model's checks say."""


class _Output(BaseModel):
    name: str
    data: list[float] | list[str]


class _AnswerParameters(BaseModel):
    sha256: Sha256


class Answer(BaseModel):
    """The answer to an infer request."""

    parameters: _AnswerParameters
    outputs: list[_Output]

    def scores(self, count: int, checks: tuple[Check, ...]) -> Scores:
        """The scores of so many cells.

        Raises:
            ValueError: An output is absent, is not of numbers, or has another length.
        """
        reasons = np.zeros(count, np.uint8)
        for check in checks:
            reasons[self._numbers(check.output, count) >= check.from_value] |= _bit(check.reason)
        probabilities = self._numbers(PROBABILITY, count).astype(np.float32)
        if not ((probabilities >= 0) & (probabilities <= 1)).all():
            raise ValueError("a P(IDC) is not a number from 0 to 1")
        return Scores(probabilities, reasons)

    def _numbers(self, name: str, count: int) -> NDArray[np.float64]:
        values = next((output.data for output in self.outputs if output.name == name), [])
        if len(values) != count or (values and isinstance(values[0], str)):  # all values are of one kind
            raise ValueError(f"{count} cells got {len(values)} values of the output {name!r}: it needs as many numbers")
        return np.asarray(values, np.float64)


def _bit(reason: Reason) -> int:
    return 1 << REASONS.index(reason)


def outputs_wanted(checks: tuple[Check, ...]) -> list[str]:
    """The outputs that an answer must have."""
    return [PROBABILITY, *dict.fromkeys(check.output for check in checks)]


def patch_request(cells: NDArray[np.uint8], outputs: list[str], request_id: str) -> tuple[bytes, int]:
    """Cells as one raw tensor: the body, and how many bytes of it are the JSON header.

    Args:
        cells: uint8 [N, 50, 50, 3], RGB, at 4.0 um/px.
        outputs: What the answer must have.
        request_id: For logs.
    """
    raw = np.ascontiguousarray(cells).tobytes()
    tensor = {
        "name": PATCH,
        "datatype": "UINT8",
        "shape": list(cells.shape),
        "parameters": {"binary_data_size": len(raw)},
    }
    head = _request(tensor, outputs, request_id)
    return head + raw, len(head)


def image_request(cells: NDArray[np.uint8], outputs: list[str], request_id: str) -> bytes:
    """Cells as PNG in base64, for a server that takes no raw tensors."""
    texts = [base64.b64encode(_png(cell)).decode() for cell in cells]
    tensor = {
        "name": IMAGE,
        "datatype": "BYTES",
        "shape": [len(texts)],
        "parameters": {"content_type": "base64"},
        "data": texts,
    }
    return _request(tensor, outputs, request_id)


def _request(tensor: dict[str, Any], outputs: list[str], request_id: str) -> bytes:
    wanted = [{"name": name} for name in outputs]
    return json.dumps({"id": request_id, "inputs": [tensor], "outputs": wanted}).encode()


def _png(cell: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(cell).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
