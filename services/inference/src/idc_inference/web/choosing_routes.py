"""Lets an administrator's gateway list and choose the version that serves.

`load` and `unload` are those of Triton's model repository extension, with the version as a parameter. No model is taken
from a request: only what is in the folder of served models can be chosen.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from idc_inference.errors import BadRequest, UnknownModel
from idc_inference.models.choosing import Choosing
from idc_inference.threads.daemons import aside
from idc_inference.web.runtime import Runtime

_MAX_BODY_BYTES: Final = 4096
_MAX_DIGITS: Final = 18


async def listed(request: Request) -> Response:
    """Every version and candidate of the model."""
    return JSONResponse(await aside("choosing", _choosing(request).listed))


def _changing(change: Callable[[Choosing, int, str], None]) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        choosing = _choosing(request)
        version, by = await _asked(request)
        await aside("choosing", lambda: change(choosing, version, by))
        return JSONResponse(await aside("choosing", choosing.listed))

    return respond


def _choosing(request: Request) -> Choosing:
    runtime: Runtime = request.app.state.runtime
    served, name = runtime.repository.name, request.path_params["name"]
    if name != served:
        raise UnknownModel(f"{name[:128]!r} is not served here: {served!r} is")
    return runtime.choosing


async def _asked(request: Request) -> tuple[int, str]:
    runtime: Runtime = request.app.state.runtime
    length = request.headers.get("content-length")
    async with runtime.bodies.read(length, request.stream(), max_bytes=_MAX_BODY_BYTES) as body:
        parameters = _parameters(body)
    version, by = str(parameters.get("version")), str(parameters.get("by", "unknown"))
    if not (version.isascii() and version.isdecimal() and len(version) <= _MAX_DIGITS):
        raise BadRequest('name the version: {"parameters": {"version": "1000", "by": "a name"}}')
    return int(version), by[:128]


def _parameters(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    parameters = document.get("parameters") if isinstance(document, dict) else None
    return parameters if isinstance(parameters, dict) else {}


def choosing_routes() -> list[BaseRoute]:
    return [
        Route("/v2/repository/models/{name}/versions", listed),
        Route("/v2/repository/models/{name}/load", _changing(Choosing.serve), methods=["POST"]),
        Route("/v2/repository/models/{name}/unload", _changing(Choosing.withdraw), methods=["POST"]),
    ]
