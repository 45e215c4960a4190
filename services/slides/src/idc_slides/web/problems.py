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

from idc_servicekit.bounded_http import BoundedHttpProtocol
from idc_slides.errors import SlidesError

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:idc-sentinel:problem:"


class ProblemHttpProtocol(BoundedHttpProtocol):
    """HTTP/1.1 with bounded heads; answers what is not HTTP with a problem document."""

    def refusal(self, text: str) -> tuple[str, dict[str, Any]]:
        return MEDIA_TYPE, members(HTTPStatus.BAD_REQUEST, "bad-http", text)


def install(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(SlidesError, _known_error)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def members(status: HTTPStatus, kind: str, detail: str) -> dict[str, Any]:
    """The members of a problem that do not depend on the request."""
    # A text may repeat input: half a character of JSON (`\\ud800`) cannot be encoded as UTF-8.
    text = detail.encode("utf-8", "replace").decode()
    return {"type": f"{_TYPE_PREFIX}{kind}", "title": status.phrase, "status": int(status), "detail": text}


def _problem(
    request: Request, status: HTTPStatus, kind: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    request.app.state.rooms.metrics.problem(kind)
    body = {**members(status, kind, detail), "instance": request.url.path}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def _known_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SlidesError)  # noqa: S101 - registered for this type alone
    return _problem(request, error.status, error.kind, str(error), error.headers)


async def _client_gone(_request: Request, _error: Exception) -> Response:
    # Nobody reads this answer; the access log shows the status, which has this meaning in nginx.
    return Response(status_code=499)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", wrong[:1024])


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    status = HTTPStatus(error.status_code)
    detail = f"{request.method} {request.url.path[:256]}: {error.detail}"
    return _problem(request, status, status.phrase.lower().replace(" ", "-"), detail, error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    request_id = getattr(request.state, "request_id", "unknown")
    logger.error("unexpected error", exc_info=error, extra={"request_id": request_id})
    detail = f"the service of slides failed; its log has the reason for the request id {request_id}"
    return _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, SlidesError.kind, detail)
