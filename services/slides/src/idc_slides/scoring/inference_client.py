"""Asks inference servers, one request after the other at each; the next one where one is away."""

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from idc_slides.errors import InferenceUnavailable, SlideFailed
from idc_slides.records.cells import ScreeningModel
from idc_slides.scoring.oip_messages import (
    BINARY_EXTENSION,
    PATCH,
    Answer,
    ModelMetadata,
    Scores,
    ServerMetadata,
    image_request,
    outputs_wanted,
    patch_request,
)

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""No valid answer is longer: an endless one must not fill this process's memory."""
_NOT_NOW: Final = (408, 425, 429, 500, 502, 503, 504)
"""A server that fails, or a proxy before it, may recover: the slide waits."""


class ModelChanged(Exception):
    """The server answered with another model than the slide was begun with."""


@dataclass(frozen=True)
class Offer:
    """What a server said of itself."""

    model: ScreeningModel
    takes_tensors: bool
    """Whether cells can be sent as they are, without PNG."""


class InferenceClient:
    """Inference servers that have the same model. Safe in threads; every use blocks."""

    def __init__(
        self,
        urls: Sequence[str],
        model_name: str,
        *,
        requests_at_once: int,
        timeout_s: float,
        trust: ssl.SSLContext | bool = True,
        key_file: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare the connections; nothing is sent yet.

        Args:
            urls: Where the servers are.
            model_name: The model to ask for.
            requests_at_once: Most requests at one time, all slides together: patches of others must not wait.
            timeout_s: Longest wait for an answer.
            trust: What checks a server's certificate.
            key_file: File with the key for servers with `https://`; never sent over HTTP. It is read each time, so
                that a new key counts at once.
            transport: Another way to the servers, for tests.
        """
        self._urls = [url.rstrip("/") for url in urls]
        self._model_path = f"/v2/models/{model_name}"
        self._key_file = key_file
        self._free = BoundedSemaphore(requests_at_once)
        self._first = 0
        """The server that is asked first: the one that answered last."""
        self._client = httpx.Client(verify=trust, timeout=timeout_s, transport=transport, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def is_ready(self) -> bool:
        """Whether a server says that the model can be asked now."""
        try:
            self._ask("GET", f"{self._model_path}/ready")
        except (InferenceUnavailable, SlideFailed):
            return False
        return True

    def offer(self) -> Offer:
        """The model, and how cells are sent to it.

        Raises:
            InferenceUnavailable: No server answers now.
            SlideFailed: The answer does not follow the protocol, or the model cannot screen.
        """
        try:
            extensions = ServerMetadata.model_validate_json(self._ask("GET", "/v2")).extensions or []
            metadata = ModelMetadata.model_validate_json(self._ask("GET", self._model_path))
        except ValidationError as exc:
            problem = exc.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise _broken(f"its metadata lacks what slides need ({where}: {problem['msg']})") from exc
        return Offer(metadata.model(), BINARY_EXTENSION in extensions and metadata.takes(PATCH))

    def score(self, cells: NDArray[np.uint8], offer: Offer, request_id: str) -> Scores:
        """Score cells.

        Args:
            cells: uint8 [N, 50, 50, 3], RGB, at 4.0 um/px.
            offer: What `offer` gave.
            request_id: For logs.

        Raises:
            InferenceUnavailable: No server answers now.
            ModelChanged: The server has another model by now.
            SlideFailed: The server refuses the request, or its answer does not follow the protocol.
        """
        outputs = outputs_wanted(offer.model.checks)
        headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
        if offer.takes_tensors:
            body, head_bytes = patch_request(cells, outputs, request_id)
            headers |= {
                "Content-Type": "application/octet-stream",
                "Inference-Header-Content-Length": str(head_bytes),
            }
        else:
            body = image_request(cells, outputs, request_id)
        with self._free:
            content = self._ask("POST", f"{self._model_path}/infer", body, headers)
        try:
            answer = Answer.model_validate_json(content)
            if answer.parameters.sha256 != offer.model.ref.sha256:
                raise ModelChanged(f"the model is {answer.parameters.sha256[:12]} now")
            return answer.scores(len(cells), offer.model.checks)
        except ValueError as exc:
            raise _broken(str(exc).splitlines()[0]) from exc

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        """Ask the servers in turn until one answers."""
        first, troubles = self._first, []
        for offset in range(len(self._urls)):
            place = (first + offset) % len(self._urls)
            try:
                answer = self._ask_one(self._urls[place], method, path, body, headers or {})
            except InferenceUnavailable as exc:
                troubles.append(str(exc))
                continue
            self._first = place
            return answer
        raise InferenceUnavailable("; ".join(dict.fromkeys(troubles)))

    def _ask_one(self, url: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        try:
            sent = {"Accept-Encoding": "identity", **headers, **self._key(url)}
            with self._client.stream(method, url + path, content=body, headers=sent) as answer:
                content = bytearray()
                for piece in answer.iter_raw():
                    content += piece
                    if len(content) > MAX_ANSWER_BYTES:
                        raise _broken(f"its answer is longer than {MAX_ANSWER_BYTES} bytes")
        except (httpx.TransportError, OSError) as exc:
            raise InferenceUnavailable(f"inference does not answer ({type(exc).__name__})") from exc
        if answer.status_code in _NOT_NOW or answer.status_code in (401, 403, 404):
            raise InferenceUnavailable(f"inference answers {answer.status_code}: {_reason(content)}")
        if answer.status_code != 200:
            raise SlideFailed(
                "inference-refused", f"inference refused the cells ({answer.status_code}): {_reason(content)}"
            )
        return bytes(content)

    def _key(self, url: str) -> dict[str, str]:
        if self._key_file is None or not url.startswith("https:"):
            return {}
        return {"Authorization": f"Bearer {self._key_file.read_text(encoding='ascii').strip()}"}


def _reason(content: bytes | bytearray) -> str:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):  # the body may be anything
        return "no reason given"
    reason = body.get("error") if isinstance(body, dict) else None
    return reason[:300] if isinstance(reason, str) else "no reason given"


def _broken(text: str) -> SlideFailed:
    return SlideFailed(
        "inference-broken",
        f"the inference service does not follow the protocol: {text}; state the scale again to screen once more",
    )
