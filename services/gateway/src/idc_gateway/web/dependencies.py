"""What routes take: rooms of the gateway, and the caller."""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from idc_gateway.access.accounts import Caller
from idc_gateway.access.scopes import Scope
from idc_gateway.errors import Forbidden, NoSlidesService, Unauthenticated
from idc_gateway.idempotency.job import Job
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.occlusion.explaining import Explaining
from idc_gateway.settings import GatewaySettings
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.rooms import Access, Alarms, Audit, Gateway, Messages, Results, Slides
from idc_gateway.web.same_site import SAFE_METHODS, check_same_origin

SESSION_COOKIE: Final = "idc_session"
BACKGROUND_PATHS: Final = frozenset(
    {f"/api/v1/{name}" for name in ("session", "alarms", "events", "status", "models", "slides", "folders", "live")}
    | {"/metrics"}
)
"""Polled by an open page: this does not keep the session of a user who has left."""


# Dependencies are `async def`: the framework would run plain functions in a thread.
async def gateway_of(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


async def slides_of(gateway: Annotated[Gateway, Depends(gateway_of)]) -> Slides:
    """Raises NoSlidesService where this gateway has none."""
    if gateway.slides is None:
        raise NoSlidesService(
            "this gateway screens no whole slides: no slides service is configured; set GATEWAY_SLIDES_URL"
        )
    return gateway.slides


async def _request_id_of(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


def _room(name: str) -> Any:
    async def room_of(request: Request) -> Any:
        return getattr(request.app.state.gateway, name)

    return Depends(room_of)


GatewayDependency = Annotated[Gateway, Depends(gateway_of)]
SettingsDep = Annotated[GatewaySettings, _room("settings")]
AccessDep = Annotated[Access, _room("access")]
AlarmsDep = Annotated[Alarms, _room("alarms")]
AuditDep = Annotated[Audit, _room("audit")]
MessagesDep = Annotated[Messages, _room("messages")]
InferenceDep = Annotated[BalancedInference, _room("inference")]
ExplainingDep = Annotated[Explaining, _room("explaining")]
ResultsDep = Annotated[Results, _room("results")]
SlidesDep = Annotated[Slides, Depends(slides_of)]
RequestId = Annotated[str, Depends(_request_id_of)]

bearer = HTTPBearer(auto_error=False, description="An API key; `make api-key` prints the first one.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def authenticated(request: Request, gateway: GatewayDependency, credentials: Credentials) -> Caller:
    """Who sends this request: by API key, or by the page's session.

    The request ends when that key or session does: see `RunningRequests`. Raises Unauthenticated without a valid one,
    CrossSite where another site sent a signed-in browser here, and TooMany.
    """
    caller = await _identified(request, gateway, credentials)
    gateway.access.rates.count(caller.name)
    running_of(request).caller = caller
    return caller


async def _identified(request: Request, gateway: Gateway, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is not None:
        return await gateway.access.keyring.by_key(credentials.credentials)
    token = request.cookies.get(SESSION_COOKIE)
    if token is None:
        raise Unauthenticated("send an API key: `Authorization: Bearer <key>`; `make api-key` prints the first one")
    check_same_origin(request, gateway.settings)
    is_use = not (request.method in SAFE_METHODS and request.url.path in BACKGROUND_PATHS)
    return await gateway.access.sessions.by_token(token, is_use=is_use)


CurrentCaller = Annotated[Caller, Depends(authenticated)]


async def _job_of(caller: CurrentCaller, request_id: RequestId) -> Job:
    return Job(caller.name, request_id)


CurrentJob = Annotated[Job, Depends(_job_of)]
"""The caller's request, without a claim to an Idempotency-Key."""


def requires(scope: Scope) -> Callable[[Caller], Awaitable[None]]:
    """A dependency that only admits callers with this scope; the others get Forbidden."""

    async def check(caller: CurrentCaller) -> None:
        if scope not in caller.scopes:
            raise Forbidden(
                f"{caller.name!r} lacks the scope {scope.value!r}: ask an administrator for a key that has it"
            )

    return check


def peer_in(request: Request, networks: Sequence[IPv4Network | IPv6Network]) -> str | None:
    """The peer's address, where it is in one of the networks. Only a trusted proxy's header can change it."""
    if not networks or request.client is None:
        return None
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return None
    return str(address) if any(address in network for network in networks) else None
