"""The Open Inference Protocol's REST endpoints."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response

from idc_inference.classifier import classify
from idc_inference.errors import Busy, UnknownModel
from idc_inference.metadata import model_metadata, served_parameters, server_metadata
from idc_inference.protocol import HEADER_LENGTH, EncodedResponse, PatchShape, encode_response, parse_request
from idc_inference.serving import ServedModel
from idc_inference.settings import InferenceSettings
from idc_servicekit.body_budget import BodyBudget


@dataclass
class Serving:
    """What the endpoints share while the service runs."""

    model: ServedModel
    workers: ThreadPoolExecutor
    bodies: BodyBudget
    settings: InferenceSettings
    in_progress: int = 0
    is_ready: bool = True

    def check_model(self, name: str, model_version: str | None) -> None:
        """Refuse what is not served.

        Raises:
            UnknownModel: Another model or version is served.
        """
        ref = self.model.ref
        if name != ref.name or model_version not in (None, ref.version):
            asked = name if model_version is None else f"{name} version {model_version}"
            raise UnknownModel(f"{asked[:128]!r} is not served here: {ref.name!r} version {ref.version} is")

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one request as in progress while the block runs.

        Raises:
            Busy: As many are in progress as are allowed.
        """
        if self.in_progress >= self.settings.max_requests_in_progress:
            raise Busy(f"{self.in_progress} requests are in progress: try again in a second")
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1


def _serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


router = APIRouter(prefix="/v2")


@router.get("/health/live")
async def live() -> Response:
    """The process answers."""
    return Response()


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    """The model is loaded and warm."""
    return Response(status_code=200 if _serving(request).is_ready else 503)


@router.get("")
async def server() -> dict[str, Any]:
    """Name, version and extensions of this server."""
    return server_metadata(version("idc-inference"))


@router.get("/models/{name}/ready")
@router.get("/models/{name}/versions/{model_version}/ready")
async def model_ready(request: Request, name: str, model_version: str | None = None) -> Response:
    """Whether this model can be asked."""
    _serving(request).check_model(name, model_version)
    return await ready(request)


@router.get("/models/{name}")
@router.get("/models/{name}/versions/{model_version}")
async def model(request: Request, name: str, model_version: str | None = None) -> dict[str, Any]:
    """Inputs, outputs and origin of this model."""
    serving = _serving(request)
    serving.check_model(name, model_version)
    return model_metadata(serving.model)


@router.post("/models/{name}/infer")
@router.post("/models/{name}/versions/{model_version}/infer")
async def infer(request: Request, name: str, model_version: str | None = None) -> Response:
    """P(IDC) and decision of each patch."""
    serving = _serving(request)
    serving.check_model(name, model_version)
    with serving.one_more():
        async with serving.bodies.read(request.headers.get("content-length"), request.stream()) as body:
            loop = asyncio.get_running_loop()
            header_length = request.headers.get(HEADER_LENGTH)
            encoded = await loop.run_in_executor(serving.workers, _answer, serving, body, header_length)
    if encoded.header_length is None:
        return Response(encoded.body, media_type="application/json")
    headers = {HEADER_LENGTH: str(encoded.header_length)}
    return Response(encoded.body, media_type="application/octet-stream", headers=headers)


def _answer(serving: Serving, body: bytes, header_length: str | None) -> EncodedResponse:
    spec = serving.model.bundle.manifest.patch
    shape = PatchShape(spec.height_px, spec.width_px)
    limits = serving.settings
    asked = parse_request(
        body, header_length, shape, max_patches=limits.max_patches, max_json_bytes=limits.max_json_bytes
    )
    classified = classify(serving.model, asked)
    served = {
        "model_name": serving.model.ref.name,
        "model_version": serving.model.ref.version,
        "parameters": served_parameters(serving.model),
    }
    return encode_response(asked, classified.probability, [str(d) for d in classified.decisions], served)
