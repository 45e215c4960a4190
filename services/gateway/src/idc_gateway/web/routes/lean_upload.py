"""Uploads without FastAPI's routing and dependency injection, which cost 0.6 ms of processor time a request."""

from functools import lru_cache
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.routing import Route

from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import authenticated, bearer, requires
from idc_gateway.web.routes.known_parameters import only_known_parameters
from idc_gateway.web.routes.parameters import IdempotencyKey, UploadQuery
from idc_servicekit.access_log import Message, Receive, Send

UPLOAD_PATH: Final = "/api/v1/classifications"
_may_classify = requires(Scope.CLASSIFY)
_NOTHING_SAID = UploadQuery()


def lean_upload_route(described: APIRouter) -> Route:
    """A route that answers for the one that FastAPI describes, and stands before it.

    It calls the same endpoint with gateway, caller, query and Idempotency-Key. What the endpoint declares as
    dependencies and parameters is checked here, in FastAPI's order and with its errors.
    """
    (route,) = described.routes
    assert isinstance(route, APIRoute)  # noqa: S101 - uploads have this one route
    return Route(UPLOAD_PATH, _Upload(route), methods=["POST"], include_in_schema=False)


class _Upload:
    def __init__(self, route: APIRoute) -> None:
        self._route = route

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        scope["route"] = self._route
        request = Request(scope, receive, send)
        gateway = scope["app"].state.gateway
        caller = await authenticated(request, gateway, await bearer(request))
        await only_known_parameters(request)
        await _may_classify(caller)
        response: Response = await self._route.endpoint(request, gateway, caller, *_parameters(request))
        await response(scope, receive, send)


def _parameters(request: Request) -> tuple[UploadQuery, str | None]:
    """The validated query and Idempotency-Key.

    Raises:
        RequestValidationError: Some of them are wrong.
    """
    query, key, errors = _NOTHING_SAID, request.headers.get("idempotency-key"), []
    if request.query_params:
        try:
            query = UploadQuery.model_validate(dict(request.query_params))
        except ValidationError as exc:
            errors += [{**error, "loc": ("query", *error["loc"])} for error in exc.errors()]
    if key is not None:
        try:
            key = _keys().validate_python(key)
        except ValidationError as exc:
            errors += [{**error, "loc": ("header", "Idempotency-Key")} for error in exc.errors()]
    if errors:
        raise RequestValidationError(errors)
    return query, key


@lru_cache
def _keys() -> TypeAdapter[str | None]:
    return TypeAdapter(IdempotencyKey)
