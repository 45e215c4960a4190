"""Error responses: `{"error": …}`, as the Open Inference Protocol has it."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from idc_inference.errors import (
    BadRequest,
    Busy,
    DeadlineExceeded,
    DeviceUnavailable,
    InferenceError,
    RequestTooLarge,
    UnknownModel,
    UnsupportedEncoding,
)
from idc_inference.web.runtime import Runtime
from idc_servicekit.body_budget import BodiesExhausted, BodyTooLarge, BodyTooSlow

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Awaitable[Response]]

_UNREAD: Final = (BodyTooLarge, BodyTooSlow, BodiesExhausted)
"""Errors while the body arrives. The rest of it is dropped: the connection ends with the response."""
_STATUS: Final[dict[type[Exception], int]] = {
    BadRequest: 400,
    UnknownModel: 404,
    BodyTooSlow: 408,
    BodyTooLarge: 413,
    RequestTooLarge: 413,
    UnsupportedEncoding: 415,
    BodiesExhausted: 503,
    Busy: 503,
    DeadlineExceeded: 503,
    DeviceUnavailable: 503,
}


def handlers() -> dict[type[Exception], Handler]:
    """The response to each error."""
    return {
        **dict.fromkeys((InferenceError, *_UNREAD), _known),
        HTTPException: _http_error,
        ClientDisconnect: _client_gone,
        Exception: _unexpected,
    }


def _count(request: Request, error: Exception, status: int) -> None:
    runtime: Runtime = request.app.state.runtime
    runtime.metrics.errors.labels(type(error).__name__).inc()
    if request.url.path.endswith("/infer"):
        runtime.metrics.requests.labels(str(status), "").inc()


async def _known(request: Request, error: Exception) -> Response:
    status = _STATUS.get(type(error), 500)
    _count(request, error, status)
    if status == 500:
        request_id = request.scope.get("state", {}).get("request_id")
        logger.error("a request failed: %s", error, extra={"request_id": request_id})
    headers = {"Retry-After": "1"} if status == 503 or isinstance(error, _UNREAD) else {}
    if isinstance(error, _UNREAD):
        headers["Connection"] = "close"
    return JSONResponse({"error": str(error)}, status_code=status, headers=headers)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _client_gone(request: Request, error: Exception) -> Response:
    # Nobody reads this response; the access log shows nginx's status for it.
    _count(request, error, 499)
    return Response(status_code=499)


async def _unexpected(request: Request, error: Exception) -> Response:
    # The server logs the error with its traceback.
    _count(request, error, 500)
    return JSONResponse({"error": "internal error: the service's log says more"}, status_code=500)
