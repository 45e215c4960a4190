"""Speaks the Open Inference Protocol v2 to one server, over HTTP or HTTPS."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
from pydantic import ValidationError

from idc_gateway.errors import InferenceBroken, InferenceRefused, InferenceUnavailable
from idc_gateway.inference.coalescing import SEVERAL_IDS
from idc_gateway.inference.credentials import KeyUnreadable
from idc_gateway.inference.name_lookup import ByAddress, NameLookup
from idc_gateway.inference.oip_messages import (
    BINARY_EXTENSION,
    Answer,
    ModelMetadata,
    ServerMetadata,
    binary_request,
    json_request,
)
from idc_gateway.inference.ports import ModelDescription, Prediction

logger = logging.getLogger(__name__)

CHUNK_IMAGES: Final = 256
"""Images in one request to the server; a larger upload is sent in several."""
READY_TIMEOUT_S: Final = 1.5
_NOT_NOW: Final = 503


class OipInference:
    """One server of the protocol. See `InferenceServer`."""

    def __init__(
        self,
        url: str,
        model_name: str,
        *,
        timeout_s: float,
        trust: ssl.SSLContext | None = None,
        auth: httpx.Auth | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        trace: Callable[[httpx.AsyncClient], None] = lambda _client: None,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: Where the server is.
            model_name: The model to ask for.
            timeout_s: Longest silence of the server, in seconds.
            trust: What checks the server's certificate, where the URL is HTTPS; the usual authorities without it.
            auth: What the server is shown with each request.
            transport: What carries the requests.
            trace: Makes the client trace its requests.
        """
        self._model_path = f"/v2/models/{model_name}"
        # A connection that the server closed meanwhile is opened again once; nothing was sent on it.
        verify, lookup = trust or True, NameLookup(httpx.URL(url).host)
        connections = transport or ByAddress(
            httpx.AsyncHTTPTransport(verify=verify, retries=1, limits=httpx.Limits(max_connections=64)), lookup
        )
        # Compressed, a short answer could fill the memory.
        headers = {"Accept-Encoding": "identity"}
        self._client = httpx.AsyncClient(
            base_url=url, timeout=timeout_s, transport=connections, auth=auth, trust_env=False, headers=headers
        )
        trace(self._client)
        # Looks have a connection of their own: they must not wait in line behind what they tell of.
        own = transport or ByAddress(
            httpx.AsyncHTTPTransport(verify=verify, limits=httpx.Limits(max_connections=2)), lookup
        )
        self._looks = httpx.AsyncClient(
            base_url=url, timeout=READY_TIMEOUT_S, transport=own, auth=auth, trust_env=False, headers=headers
        )
        self._takes_binary: bool | None = None
        self._told: str | None = None

    async def is_ready(self) -> bool:
        """Whether the model can be asked now. See `InferenceServer.is_ready`."""
        try:
            answer = await self._looks.get(f"{self._model_path}/ready")
        except httpx.HTTPError as exc:
            self._tell(str(exc) if _is_ours_to_mend(exc) else None)
            raise InferenceUnavailable("the inference service does not answer") from exc
        self._tell(_error_text(answer) if answer.status_code in (401, 403) else None)
        if answer.is_server_error and answer.status_code != _NOT_NOW:
            raise InferenceUnavailable(f"the inference service answers {answer.status_code}")
        return answer.is_success

    def _tell(self, reason: str | None) -> None:
        """Log once why a server that answers cannot be used: no wait mends that."""
        if reason is not None and reason != self._told:
            logger.error("inference server %s cannot be used: %s", self._client.base_url, reason)
        self._told = reason

    async def predict(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        """Classify encoded images, in their order. See `InferenceServer.predict`."""
        if self._takes_binary is None:
            self._takes_binary = await self._asks_for_binary()
        predictions: list[Prediction] = []
        for start in range(0, len(images), CHUNK_IMAGES):
            predictions += await self._predict_chunk(images[start : start + CHUNK_IMAGES], request_id)
        return predictions

    async def describe(self) -> ModelDescription:
        """What the server says of its model. See `InferenceServer.describe`."""
        answer = await self._get(self._model_path)
        try:
            return ModelMetadata.model_validate_json(answer.content).description()
        except ValueError as exc:
            raise InferenceBroken("the inference service's metadata does not follow the protocol") from exc

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(self._client.aclose(), self._looks.aclose())

    async def _asks_for_binary(self) -> bool:
        """Whether the server takes tensors as bytes behind the JSON: an extension, which it names where it has it."""
        answer = await self._get("/v2")
        try:
            extensions = ServerMetadata.model_validate_json(answer.content).extensions
        except ValueError as exc:
            raise InferenceBroken("the inference service's metadata does not follow the protocol") from exc
        return extensions is not None and BINARY_EXTENSION in extensions

    async def _predict_chunk(self, images: Sequence[bytes], request_id: str) -> list[Prediction]:
        # The header tells every id, for the logs; the protocol's own id is the first one's.
        headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
        request_id = request_id.partition(SEVERAL_IDS)[0]
        if self._takes_binary:
            body, header_length = binary_request(images, request_id)
            headers |= {
                "Content-Type": "application/octet-stream",
                "Inference-Header-Content-Length": str(header_length),
            }
        else:
            body = json_request(images, request_id)
        request = self._client.build_request("POST", f"{self._model_path}/infer", content=body, headers=headers)
        answer = await self._send(request)
        try:
            return Answer.model_validate_json(answer.content).predictions(len(images))
        except ValueError as exc:
            reason = f"{exc.error_count()} wrong fields" if isinstance(exc, ValidationError) else exc
            raise InferenceBroken(f"the inference service's answer does not follow the protocol: {reason}") from exc

    async def _get(self, path: str) -> httpx.Response:
        return await self._send(self._client.build_request("GET", path))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = await self._client.send(request)
        except httpx.TimeoutException as exc:
            raise InferenceUnavailable("the inference service did not answer in time: try again") from exc
        except httpx.HTTPError as exc:
            self._takes_binary = None  # whoever comes back may be another server
            if _is_ours_to_mend(exc):
                raise InferenceUnavailable(f"the inference service cannot be trusted: {exc}") from exc
            raise InferenceUnavailable("the inference service does not answer: try again in a moment") from exc
        _check_status(answer)
        return answer


def _is_ours_to_mend(error: httpx.HTTPError) -> bool:
    """Whether the certificate is not trusted, or the key cannot be read: a setting is wrong, here or there."""
    return isinstance(error, KeyUnreadable) or "CERTIFICATE_VERIFY_FAILED" in str(error)


def _check_status(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    text = _error_text(answer)
    if answer.status_code in (408, 429, _NOT_NOW):
        text = f"the inference service has too much to do or is not ready: {text}"
        raise InferenceUnavailable(text, was_answered=True)
    if answer.status_code in (400, 413, 422):
        raise InferenceRefused(f"the inference service refused the images: {text}")
    if answer.status_code in (401, 403):
        raise InferenceUnavailable(f"the inference service does not accept this gateway's key: {text}")
    raise InferenceBroken(f"the inference service answered {answer.status_code}: {text}")


def _error_text(answer: httpx.Response) -> str:
    try:
        body: Any = answer.json()
    except (ValueError, RecursionError):  # what it sends may be anything
        return "no reason given"
    reason = body.get("error") if isinstance(body, dict) else None
    return reason[:512] if isinstance(reason, str) else "no reason given"
