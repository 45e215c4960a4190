"""Every error as `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from idc_gateway.errors import BodyTooLarge, Busy, GatewayError
from idc_servicekit import body_budget
from idc_servicekit.access_log import REQUEST_ID_HEADER

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_TYPE_PREFIX: Final = "urn:idc-sentinel:problem:"
_BODY_ERRORS: Final[dict[type[Exception], tuple[HTTPStatus, str, Mapping[str, str]]]] = {
    body_budget.BodyTooLarge: (BodyTooLarge.status, BodyTooLarge.kind, {}),
    body_budget.BodyTooSlow: (HTTPStatus.REQUEST_TIMEOUT, "body-too-slow", {}),
    body_budget.BodiesExhausted: (Busy.status, Busy.kind, Busy.headers),
}


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(GatewayError, _known_error)
    for error in _BODY_ERRORS:
        app.add_exception_handler(error, _known_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    request: Request,
    status: HTTPStatus,
    kind: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **extensions: Any,
) -> JSONResponse:
    """A problem document, counted; `extensions` are further members of it (RFC 9457, 3.2)."""
    if request.app.state.gateway is not None:
        request.app.state.gateway.metrics.problem(kind)
    body = {**members(status, kind, detail), "instance": request.url.path, **extensions}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def members(status: int, kind: str, detail: str) -> dict[str, Any]:
    """The members of a problem that do not depend on the request."""
    phrase = HTTPStatus(status).phrase
    # A text may repeat input: half a character of JSON (`\\ud800`) cannot be encoded as UTF-8.
    text = detail.encode("utf-8", "replace").decode()
    return {"type": f"{_TYPE_PREFIX}{kind}", "title": phrase, "status": int(status), "detail": text}


def problem_of(request: Request, error: Exception, **extensions: Any) -> JSONResponse:
    """The problem of a `GatewayError` or of a body's error; raises any other error again."""
    if isinstance(error, GatewayError):
        return problem(request, error.status, error.kind, str(error), error.headers, **extensions)
    if type(error) not in _BODY_ERRORS:
        raise error
    # What the client still sends is dropped: the connection is closed after this answer.
    status, kind, headers = _BODY_ERRORS[type(error)]
    return problem(request, status, kind, str(error), {**headers, "Connection": "close"}, **extensions)


async def _known_error(request: Request, error: Exception) -> JSONResponse:
    return problem_of(request, error)


async def _client_gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads this answer; the access log shows the status, which has this meaning in nginx.
    return Response(status_code=499)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {_reason(item)}" for item in error.errors())
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", wrong[:1024])


def _reason(item: dict[str, Any]) -> str:
    """What is wrong with one value, without the name of Python's error."""
    return str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    status = HTTPStatus(error.status_code)
    detail = f"{request.method} {request.url.path[:256]}: {error.detail}; /docs lists the endpoints"
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return problem(request, status, status.phrase.lower().replace(" ", "-"), detail, headers)


def _methods_of(request: Request) -> set[str]:
    # The framework only names the methods of the first route with this path.
    methods = {
        method
        for method in _METHODS
        for route in request.app.routes
        if route.matches({**request.scope, "method": method})[0] is Match.FULL
    }
    return methods | {"HEAD"} if "GET" in methods else methods  # `HeadAsGet`


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # This answer is created outside of the middleware, which would add the request's id.
    request_id = getattr(request.state, "request_id", "unknown")
    logger.error("unexpected error", exc_info=error, extra={"request_id": request_id})
    detail = f"the gateway failed; its log has the reason for the request id {request_id}"
    headers = {REQUEST_ID_HEADER: request_id, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, GatewayError.kind, detail, headers)
