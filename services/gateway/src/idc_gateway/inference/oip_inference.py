"""Speaks the Open Inference Protocol v2 to one server, over HTTP or HTTPS."""

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from idc_gateway.errors import InferenceBroken, InferenceRefused, InferenceUnavailable, VersionRefused
from idc_gateway.inference.coalescing import SEVERAL_IDS
from idc_gateway.inference.credentials import KeyFromFile
from idc_gateway.inference.http_client import HttpAnswer, HttpClient, NoAnswer
from idc_gateway.inference.name_lookup import NameLookup
from idc_gateway.inference.oip_messages import (
    BINARY_EXTENSION,
    Answer,
    ModelMetadata,
    ServerMetadata,
    binary_request,
    json_request,
    patches_request,
)
from idc_gateway.inference.ports import EncodedImage, ModelDescription, ModelVersion, Prediction

logger = logging.getLogger(__name__)

CHUNK_IMAGES: Final = 256
"""Images in one request to the server; a larger upload is sent in several."""
MAX_CONNECTIONS: Final = 64
_NOT_NOW: Final = 503
_VERSIONS: Final = TypeAdapter(list[ModelVersion])


class OipInference:
    """One server of the protocol. See `InferenceServer`."""

    def __init__(
        self, url: str, model_name: str, *, trust: ssl.SSLContext | None = None, key: KeyFromFile | None = None
    ) -> None:
        """Create a client without sending anything.

        Args:
            url: Where the server is.
            model_name: The model to ask for.
            trust: What checks the server's certificate and name; None is the system's authorities.
            key: What the server is shown, where it is reached by HTTPS.
        """
        self._url = url
        self._model_path = f"/v2/models/{model_name}"
        self._repository_path = f"/v2/repository/models/{model_name}"
        open_client = partial(HttpClient, url, lookup=NameLookup(), trust=trust, key=key)
        self._client = open_client(max_connections=MAX_CONNECTIONS, is_traced=True)
        # Probes have their own connections: they must not queue behind the requests that they judge.
        self._probes = open_client(max_connections=2, is_traced=False)
        self._takes: _Takes | None = None
        """None until it was asked, and after each failure: another server, or another model, may be there now."""
        self._logged: str | None = None

    async def is_ready(self) -> bool:
        """Whether the model can be asked now. See `InferenceServer.is_ready`."""
        try:
            answer = await self._probes.get(f"{self._model_path}/ready")
        except NoAnswer as exc:
            self._log(str(exc) if exc.is_ours_to_mend else None)
            raise InferenceUnavailable("the inference service does not answer") from exc
        self._log(_error_text(answer) if answer.status in (401, 403) else None)
        if answer.status >= 500 and answer.status != _NOT_NOW:
            raise InferenceUnavailable(f"the inference service answers {answer.status}")
        return answer.is_success

    def _log(self, reason: str | None) -> None:
        """Log once why a server that answers cannot be used: no wait mends that."""
        if reason is not None and reason != self._logged:
            logger.error("inference server %s cannot be used: %s", self._url, reason)
        self._logged = reason

    async def predict(self, images: Sequence[EncodedImage], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order. See `InferenceServer.predict`."""
        takes = self._takes or await self._ask_what_it_takes()
        predictions: list[Prediction] = []
        for start in range(0, len(images), CHUNK_IMAGES):
            predictions += await self._predict_chunk(images[start : start + CHUNK_IMAGES], request_id, takes)
        return predictions

    async def describe(self) -> ModelDescription:
        """The server's description of its model. See `InferenceServer.describe`."""
        metadata = await self._metadata()
        try:
            return metadata.description()
        except ValueError as exc:
            raise InferenceBroken("the inference service's metadata does not follow the protocol") from exc

    async def versions(self) -> list[ModelVersion]:
        """The versions and candidates of the model. See `InferenceServer.versions`."""
        answer = await self._answered(self._probes.get(f"{self._repository_path}/versions"))
        try:
            return _VERSIONS.validate_json(answer.body)
        except ValueError as exc:
            raise InferenceBroken("the inference service's list of versions cannot be read") from exc

    async def choose(self, version: str, by: str, *, serves: bool) -> None:
        """Let a version serve, or the one before it. See `InferenceServer.choose`."""
        body = json.dumps({"parameters": {"version": version, "by": by}}).encode()
        path = f"{self._repository_path}/{'load' if serves else 'unload'}"
        try:
            answer = await self._probes.post(path, body, {"Content-Type": "application/json"})
        except NoAnswer as exc:
            raise InferenceUnavailable("the inference service does not answer: try again in a moment") from exc
        if answer.status in (400, 404):
            raise VersionRefused(_error_text(answer))
        _check_status(answer)

    async def close(self) -> None:
        await asyncio.gather(self._client.close(), self._probes.close())

    async def _ask_what_it_takes(self) -> "_Takes":
        """Tensors as bytes behind the JSON are an extension, which a server names where it has it."""
        answer = await self._answered(self._client.get("/v2"))
        try:
            extensions = ServerMetadata.model_validate_json(answer.body).extensions or []
        except ValueError as exc:
            raise InferenceBroken("the inference service's metadata does not follow the protocol") from exc
        if BINARY_EXTENSION not in extensions:
            self._takes = _Takes(binary=False, patches=False)
            return self._takes
        try:
            metadata = await self._metadata()
        except (InferenceBroken, InferenceRefused):  # encoded images need none; the next request asks again
            return _Takes(binary=True, patches=False)
        self._takes = _Takes(binary=True, patches=metadata.takes_patches)
        return self._takes

    async def _metadata(self) -> ModelMetadata:
        answer = await self._answered(self._client.get(self._model_path))
        try:
            return ModelMetadata.model_validate_json(answer.body)
        except ValueError as exc:
            raise InferenceBroken("the inference service's metadata does not follow the protocol") from exc

    async def _predict_chunk(
        self, images: Sequence[EncodedImage], request_id: str, takes: "_Takes"
    ) -> list[Prediction]:
        first_id = request_id.partition(SEVERAL_IDS)[0]
        patches = [image.patch for image in images if image.patch is not None] if takes.patches else []
        if len(patches) == len(images):
            try:
                return await self._ask(*patches_request(patches, first_id), len(images), request_id)
            except InferenceRefused:  # a model of patches of another size may have come
                self._takes = None
        if takes.binary:
            return await self._ask(*binary_request(images, first_id), len(images), request_id)
        return await self._ask(json_request(images, first_id), None, len(images), request_id)

    async def _ask(self, body: bytes, header_length: int | None, count: int, request_id: str) -> list[Prediction]:
        # The header has every id, for the logs; the protocol's own id is the first one's.
        headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
        if header_length is not None:
            headers["Content-Type"] = "application/octet-stream"
            headers["Inference-Header-Content-Length"] = str(header_length)
        answer = await self._answered(self._client.post(f"{self._model_path}/infer", body, headers))
        try:
            return Answer.model_validate_json(answer.body).predictions(count)
        except ValueError as exc:
            reason = f"{exc.error_count()} wrong fields" if isinstance(exc, ValidationError) else exc
            raise InferenceBroken(f"the inference service's answer does not follow the protocol: {reason}") from exc

    async def _answered(self, asking: Awaitable[HttpAnswer]) -> HttpAnswer:
        try:
            answer = await asking
        except NoAnswer as exc:
            self._takes = None  # another server may come back
            if exc.is_ours_to_mend:
                raise InferenceUnavailable(f"the inference service cannot be trusted: {exc}") from exc
            raise InferenceUnavailable("the inference service does not answer: try again in a moment") from exc
        _check_status(answer)
        return answer


@dataclass(frozen=True)
class _Takes:
    """What a server takes beside images in JSON."""

    binary: bool
    patches: bool


def _check_status(answer: HttpAnswer) -> None:
    if answer.is_success:
        return
    text = _error_text(answer)
    if answer.status in (408, 429, _NOT_NOW):
        text = f"the inference service is overloaded or not ready: {text}"
        raise InferenceUnavailable(text, was_answered=True)
    if answer.status in (400, 413, 422):
        raise InferenceRefused(f"the inference service rejected the images: {text}")
    if answer.status in (401, 403):
        raise InferenceUnavailable(f"the inference service does not accept this gateway's key: {text}")
    raise InferenceBroken(f"the inference service answered {answer.status}: {text}")


def _error_text(answer: HttpAnswer) -> str:
    try:
        body: Any = json.loads(answer.body)
    except (ValueError, RecursionError):  # the body may be anything
        return "no reason given"
    reason = body.get("error") if isinstance(body, dict) else None
    return reason[:512] if isinstance(reason, str) else "no reason given"
