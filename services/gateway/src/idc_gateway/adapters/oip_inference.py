"""Speaks the Open Inference Protocol v2 with binary tensor data, over HTTP."""

import json
import struct
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import httpx
from pydantic import BaseModel, Field, ValidationError

from idc_contracts import Decision, ModelRef, Probability, Sha256, Thresholds
from idc_gateway.classifications import Prediction
from idc_gateway.errors import InferenceBroken, InferenceRefused, InferenceUnavailable
from idc_gateway.ports import ModelDescription

CHUNK_IMAGES: Final = 256
"""Images in one request to the server; a larger upload is sent in several."""
READY_TIMEOUT_S: Final = 2.0


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


class _Answer(BaseModel):
    model_name: str
    model_version: str
    parameters: _Parameters
    outputs: list[_Output]

    def predictions(self, count: int) -> list[Prediction]:
        model = ModelRef(name=self.model_name, version=self.model_version, sha256=self.parameters.sha256)
        thresholds = Thresholds(no_idc_below=self.parameters.no_idc_below, idc_from=self.parameters.idc_from)
        probabilities = [
            value for output in self.outputs if isinstance(output, _Probabilities) for value in output.data
        ]
        decisions = [value for output in self.outputs if isinstance(output, _Decisions) for value in output.data]
        if not len(probabilities) == len(decisions) == count:
            raise ValueError(f"{count} images were sent, {len(probabilities)} and {len(decisions)} results came back")
        return [
            Prediction(p, decision, model, thresholds) for p, decision in zip(probabilities, decisions, strict=True)
        ]


class _MetadataParameters(BaseModel):
    version: str | None = None
    sha256: Sha256 | None = None
    no_idc_below: Probability | None = None
    idc_from: Probability | None = None
    card: str | None = None
    figures: dict[str, Any] | None = None


class _Metadata(BaseModel):
    name: str
    versions: list[str] = []
    parameters: _MetadataParameters = _MetadataParameters()

    def description(self) -> ModelDescription:
        said = self.parameters
        thresholds = None
        if said.no_idc_below is not None and said.idc_from is not None:
            thresholds = Thresholds(no_idc_below=said.no_idc_below, idc_from=said.idc_from)
        newest = max(self.versions, key=_as_number, default=None)
        version = said.version or newest
        return ModelDescription(self.name, version, self.versions, said.sha256, thresholds, said.card, said.figures)


def _as_number(version: str) -> int:
    return int(version) if version.isdecimal() else -1


class OipInference:
    """One server of the protocol."""

    def __init__(
        self, url: str, model_name: str, *, timeout_s: float, transport: httpx.AsyncBaseTransport | None = None
    ):
        self._model_path = f"/v2/models/{model_name}"
        # A connection that the server closed meanwhile is opened again once; nothing was sent on it.
        transport = transport or httpx.AsyncHTTPTransport(retries=1, limits=httpx.Limits(max_connections=64))
        self._client = httpx.AsyncClient(base_url=url, timeout=timeout_s, transport=transport, trust_env=False)

    async def is_ready(self) -> bool:
        """Whether the model can be asked now."""
        try:
            answer = await self._client.get(f"{self._model_path}/ready", timeout=READY_TIMEOUT_S)
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order. See `Inference.predict`."""
        predictions: list[Prediction] = []
        for start in range(0, len(images), CHUNK_IMAGES):
            predictions += await self._predict_chunk(images[start : start + CHUNK_IMAGES], request_id)
        return predictions

    async def describe(self) -> ModelDescription:
        """What the server says of its model. See `Inference.describe`."""
        try:
            answer = await self._client.get(self._model_path)
        except httpx.HTTPError as exc:
            raise InferenceUnavailable("the inference service does not answer: try again in a moment") from exc
        _check_status(answer)
        try:
            return _Metadata.model_validate_json(answer.content).description()
        except ValueError as exc:
            raise InferenceBroken("the inference service's metadata does not follow the protocol") from exc

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _predict_chunk(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        body, header_length = _request(images, request_id)
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(header_length),
            "X-Request-ID": request_id,
        }
        try:
            answer = await self._client.post(f"{self._model_path}/infer", content=body, headers=headers)
        except httpx.TimeoutException as exc:
            raise InferenceUnavailable("the inference service did not answer in time: try again") from exc
        except httpx.HTTPError as exc:
            raise InferenceUnavailable("the inference service does not answer: try again in a moment") from exc
        _check_status(answer)
        try:
            return _Answer.model_validate_json(answer.content).predictions(len(images))
        except ValueError as exc:
            reason = f"{exc.error_count()} wrong fields" if isinstance(exc, ValidationError) else exc
            raise InferenceBroken(f"the inference service's answer does not follow the protocol: {reason}") from exc


def _request(images: Sequence[bytes], request_id: str) -> tuple[bytes, int]:
    """The body, and how many bytes of it are the JSON header. The images are copied once."""
    size = sum(4 + len(image) for image in images)
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(images)], "parameters": {"binary_data_size": size}}
    head = json.dumps({"id": request_id, "inputs": [tensor]}).encode()
    pieces = (piece for image in images for piece in (struct.pack("<I", len(image)), image))
    return b"".join([head, *pieces]), len(head)


def _check_status(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    text = _error_text(answer)
    if answer.status_code in (429, 503):
        raise InferenceUnavailable(f"the inference service is not ready: {text}")
    if answer.status_code in (400, 413, 422):
        raise InferenceRefused(f"the inference service refused the images: {text}")
    raise InferenceBroken(f"the inference service answered {answer.status_code}: {text}")


def _error_text(answer: httpx.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        return "no reason given"
    reason = body.get("error") if isinstance(body, dict) else None
    return reason[:512] if isinstance(reason, str) else "no reason given"
