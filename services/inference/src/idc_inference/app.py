"""Puts the service together; the only place that knows all its parts."""

import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from idc_inference.adapters.openvino_engine import OpenVinoEngine
from idc_inference.errors import BadRequest, Busy, InferenceError, RequestTooLarge, UnknownModel
from idc_inference.ports import Engine
from idc_inference.routes import Serving, router
from idc_inference.serving import ServedModel, load_newest
from idc_inference.settings import InferenceSettings
from idc_servicekit.access_log import AccessLog
from idc_servicekit.body_budget import BodiesExhausted, BodyBudget, BodyTooLarge, BodyTooSlow

logger = logging.getLogger(__name__)

_BODY_STATUS: Final[dict[type[Exception], int]] = {BodyTooLarge: 413, BodyTooSlow: 408, BodiesExhausted: 503}


def load_model(settings: InferenceSettings, make_engine: Callable[[Path], Engine] | None = None) -> ServedModel:
    """The model that the settings name, compiled, tested and warm.

    Args:
        settings: What to serve and on which device.
        make_engine: Compiles a graph; OpenVINO where it is not given.

    Raises:
        ModelUnavailable: No bundle can be served.
    """

    def with_openvino(path: Path) -> Engine:
        return OpenVinoEngine(path, settings.device, chunk_patches=settings.chunk_patches)

    return load_newest(settings.models_dir, settings.model_name, make_engine or with_openvino)


def create_app(settings: InferenceSettings, model: ServedModel) -> FastAPI:
    """The HTTP application around a loaded model; it closes the model's engine when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="request") as workers:
            bodies = BodyBudget(
                max_body_bytes=settings.max_body_bytes,
                max_total_bytes=settings.max_total_body_bytes,
                timeout_s=settings.body_timeout_s,
            )
            app.state.serving = serving = Serving(model, workers, bodies, settings)
            yield
            serving.is_ready = False
        model.engine.close()

    app = FastAPI(title="IDC Sentinel inference", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    app.add_exception_handler(InferenceError, _inference_error)
    for error in _BODY_STATUS:
        app.add_exception_handler(error, _body_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(AccessLog, quiet_prefixes=("/v2/health/",))
    return app


def _status(error: InferenceError) -> int:
    by_type = {BadRequest: 400, UnknownModel: 404, RequestTooLarge: 413, Busy: 503}
    return by_type.get(type(error), 500)


async def _inference_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InferenceError)  # noqa: S101 - registered for this type alone
    status = _status(error)
    if status == 500:
        logger.error("a request failed: %s", error)
    headers = {"Retry-After": "1"} if isinstance(error, Busy) else None
    return JSONResponse({"error": str(error)}, status_code=status, headers=headers)


async def _body_error(_request: Request, error: Exception) -> JSONResponse:
    # What the client still sends is not read: the connection ends with this answer.
    headers = {"Connection": "close", "Retry-After": "1"}
    return JSONResponse({"error": str(error)}, status_code=_BODY_STATUS[type(error)], headers=headers)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _client_gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads this answer; the access log shows the status, which nginx gave this meaning.
    return Response(status_code=499)


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    # The server logs the error with its traceback.
    return JSONResponse({"error": "internal error: the service's log says more"}, status_code=500)
