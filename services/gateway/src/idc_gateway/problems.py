"""Every error as `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from idc_gateway.errors import BodyTooLarge, Busy, GatewayError
from idc_servicekit import body_budget

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:idc-sentinel:problem:"


def install(app: FastAPI) -> None:
    """Let the application answer every error as a problem."""
    app.add_exception_handler(GatewayError, _gateway_error)
    app.add_exception_handler(body_budget.BodyTooLarge, _body_too_large)
    app.add_exception_handler(body_budget.BodiesExhausted, _bodies_exhausted)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    request: Request, status: HTTPStatus, kind: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One problem document."""
    body: dict[str, Any] = {
        "type": f"{_TYPE_PREFIX}{kind}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.url.path,
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def _gateway_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, GatewayError)  # noqa: S101 - registered for this type alone
    return problem(request, error.status, error.kind, str(error), error.headers)


async def _body_too_large(request: Request, error: Exception) -> JSONResponse:
    # What the client still sends is not read: the connection ends with this answer.
    return problem(request, BodyTooLarge.status, BodyTooLarge.kind, str(error), {"Connection": "close"})


async def _bodies_exhausted(request: Request, error: Exception) -> JSONResponse:
    return problem(request, Busy.status, Busy.kind, str(error), {**Busy.headers, "Connection": "close"})


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", wrong[:1024])


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    status = HTTPStatus(error.status_code)
    detail = f"{request.method} {request.url.path[:256]}: {error.detail}; /docs lists what there is"
    return problem(request, status, status.phrase.lower().replace(" ", "-"), detail, error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error", exc_info=error)
    detail = "the gateway failed; its log has the reason under this request's id"
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, GatewayError.kind, detail)
