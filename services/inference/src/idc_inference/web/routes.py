"""The Open Inference Protocol's REST endpoints, and those of Triton's extensions that fit."""

import asyncio
import time
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from idc_inference.answering.classification import Answered
from idc_inference.errors import Busy, UnknownModel, UnsupportedEncoding
from idc_inference.models.served_model import ServedModel
from idc_inference.protocol.metadata import (
    model_config,
    model_metadata,
    model_statistics,
    repository_index,
    server_metadata,
)
from idc_inference.protocol.requests import HEADER_LENGTH
from idc_inference.web.choosing_routes import choosing_routes
from idc_inference.web.runtime import Runtime


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def _check_name(request: Request) -> None:
    served, name = _runtime(request).repository.name, request.path_params["name"]
    if name != served:
        raise UnknownModel(f"{name[:128]!r} is not served here: {served!r} is")


def _find(request: Request) -> ServedModel:
    _check_name(request)
    return _runtime(request).repository.find(request.path_params.get("version"))


async def live(_request: Request) -> Response:
    return JSONResponse({"live": True})


async def ready(request: Request) -> Response:
    """Ready: a model is loaded and warm, its device answers, and the service is not ending."""
    return _readiness({}, _runtime(request))


def _readiness(known: dict[str, Any], runtime: Runtime) -> Response:
    if reason := runtime.why_not_ready():
        return JSONResponse({**known, "ready": False, "reason": reason}, 503)
    return JSONResponse({**known, "ready": True})


async def server(_request: Request) -> Response:
    return JSONResponse(server_metadata())


async def model_ready(request: Request) -> Response:
    return _readiness({"name": _find(request).ref.name}, _runtime(request))


async def model(request: Request) -> Response:
    return JSONResponse(model_metadata(_find(request), _runtime(request).repository))


async def config(request: Request) -> Response:
    """Inputs and outputs of this model in the form of Triton's model configuration extension."""
    return JSONResponse(model_config(_find(request)))


async def statistics(request: Request) -> Response:
    return JSONResponse(model_statistics([_find(request)]))


async def all_statistics(request: Request) -> Response:
    if "name" in request.path_params:
        _check_name(request)
    served = _runtime(request).repository.versions.served
    return JSONResponse(model_statistics(served[number] for number in sorted(served)))


async def index(request: Request) -> Response:
    """Every version that is served or refused."""
    return JSONResponse(repository_index(_runtime(request).repository))


async def infer(request: Request) -> Response:
    """Classify each patch: P(IDC) and decision."""
    runtime, begin_s = _runtime(request), time.monotonic()
    answered = await _answer(request, runtime)
    runtime.metrics.stage_s["total"].observe(time.monotonic() - begin_s)
    runtime.metrics.requests.labels("200", answered.input_name).inc()
    runtime.metrics.request_patches.observe(answered.patches)
    encoded = answered.response
    if encoded.header_length is None:
        return Response(encoded.body, media_type="application/json")
    headers = {HEADER_LENGTH: str(encoded.header_length)}
    return Response(encoded.body, media_type="application/octet-stream", headers=headers)


async def _answer(request: Request, runtime: Runtime) -> Answered:
    _check_name(request)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise UnsupportedEncoding(f"Content-Encoding {encoding[:32]!r} is not supported: send the body uncompressed")
    model = runtime.repository.acquire(request.path_params.get("version"))
    with model.in_use(), runtime.admission.request() as hold:
        async with runtime.bodies.read(request.headers.get("content-length"), request.stream()) as body:
            begin_s = time.monotonic()
            try:
                return await runtime.classifier.answer(model, body, request.headers.get(HEADER_LENGTH), hold)
            except asyncio.CancelledError as exc:
                if runtime.is_ready:
                    raise
                raise Busy("the service is stopping: send the request again") from exc
            except Exception:
                model.statistics.failed(time.monotonic() - begin_s)
                raise


async def metrics(request: Request) -> Response:
    return Response(generate_latest(_runtime(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _model_routes(suffix: str, endpoint: Any, method: str = "GET") -> list[BaseRoute]:
    paths = (f"/v2/models/{{name}}{suffix}", f"/v2/models/{{name}}/versions/{{version}}{suffix}")
    return [Route(path, endpoint, methods=[method]) for path in paths]


def _statistics_routes() -> list[BaseRoute]:
    """Statistics routes; `/v2/models/stats` comes before the names of models."""
    return [
        Route("/v2/models/stats", all_statistics),
        Route("/v2/models/{name}/stats", all_statistics),
        Route("/v2/models/{name}/versions/{version}/stats", statistics),
    ]


def routes() -> list[BaseRoute]:
    """All endpoints, the most used first: they are tried in this order."""
    return [
        *_model_routes("/infer", infer, "POST"),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        *_model_routes("/ready", model_ready),
        *_statistics_routes(),
        *_model_routes("", model),
        *_model_routes("/config", config),
        Route("/v2", server),
        Route("/metrics", metrics),
        Route("/v2/repository/index", index, methods=["POST"]),
        *choosing_routes(),
    ]
