"""What routes get handed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from idc_gateway import executors
from idc_gateway.accounts import Caller
from idc_gateway.alarm_actions import AlarmActions
from idc_gateway.alarms import AlarmBoard
from idc_gateway.audit import AuditEvent
from idc_gateway.backlog import Backlog
from idc_gateway.browser_sessions import BrowserSessions
from idc_gateway.chain_check import ChainCheck
from idc_gateway.classifying import Classifying
from idc_gateway.deeds import Deeds
from idc_gateway.errors import CrossSite, Forbidden, Unauthenticated
from idc_gateway.feed import Feed
from idc_gateway.housekeeping import Housekeeping
from idc_gateway.image_deletions import ImageDeletions
from idc_gateway.images import ImageStore
from idc_gateway.keys import FileKey, Keyring
from idc_gateway.outbox import Outbox
from idc_gateway.ports import Bus, Inference, Meter
from idc_gateway.scopes import Scope
from idc_gateway.settings import GatewaySettings
from idc_gateway.store_health import StoreHealth
from idc_gateway.store_ports import Store
from idc_gateway.throttle import RequestRates, SignInThrottle
from idc_gateway.users import Users
from idc_servicekit.body_budget import BodyBudget

SESSION_COOKIE: Final = "idc_session"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Gateway:
    """The parts of the running gateway."""

    settings: GatewaySettings
    store: Store
    inference: Inference
    bus: Bus
    outbox: Outbox
    classifying: Classifying
    keyring: Keyring
    alarms: AlarmBoard
    bodies: BodyBudget
    images: ImageStore | None
    deeds: Deeds
    backlog: Backlog
    feed: Feed
    actions: AlarmActions
    housekeeping: Housekeeping
    image_deletions: ImageDeletions
    store_health: StoreHealth
    chain_check: ChainCheck
    users: Users
    sessions: BrowserSessions
    sign_ins: SignInThrottle
    rates: RequestRates
    meter: Meter
    exposition: Callable[[], bytes]
    """All figures in Prometheus's text format."""
    metrics_key: FileKey

    async def record(self, event: AuditEvent) -> None:
        """Append an event that changes nothing else to the audit chain.

        Raises:
            StoreUnavailable: The database does not work.
        """
        await executors.writes(self.store.audit.record, [event])


async def gateway_of(request: Request) -> Gateway:
    """The gateway that the application was made with."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def request_id_of(request: Request) -> str:
    """The id that the access log gave this request."""
    request_id: str = request.state.request_id
    return request_id


GatewayDependency = Annotated[Gateway, Depends(gateway_of)]
RequestId = Annotated[str, Depends(request_id_of)]

bearer = HTTPBearer(auto_error=False, description="An API key; `make api-key` prints the first one.")


async def authenticated(
    request: Request,
    gateway: GatewayDependency,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Who sends this request: by API key, or by the page's session.

    Raises:
        Unauthenticated: Nobody who is known here.
        CrossSite: A signed-in browser was sent here by another site.
        TooMany: The caller has sent too many requests within a minute.
    """
    caller = await _identified(request, gateway, credentials)
    gateway.rates.count(caller.name)
    return caller


async def _identified(request: Request, gateway: Gateway, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is not None:
        return await gateway.keyring.by_key(credentials.credentials)
    token = request.cookies.get(SESSION_COOKIE)
    if token is None:
        raise Unauthenticated("send an API key: `Authorization: Bearer <key>`; `make api-key` prints the first one")
    check_same_origin(request)
    return await gateway.sessions.by_token(token)


CurrentCaller = Annotated[Caller, Depends(authenticated)]


def requires(scope: Scope) -> Callable[[Caller], Awaitable[None]]:
    """A dependency that lets only callers with this scope in."""

    # not a plain function: the framework would run it in a thread
    async def check(caller: CurrentCaller) -> None:
        if scope not in caller.scopes:
            raise Forbidden(
                f"{caller.name!r} lacks the scope {scope.value!r}: ask an administrator for a key that has it"
            )

    return check


def peer_in(request: Request, networks: Sequence[IPv4Network | IPv6Network]) -> str | None:
    """The peer's address, where one of the networks has it; a header's word on it counts from a trusted proxy alone."""
    if not networks or request.client is None:
        return None
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return None
    return str(address) if any(address in network for network in networks) else None


def check_same_origin(request: Request) -> None:
    """Refuse a changing request that a browser sends on another site's behalf.

    Browsers name the sender's relation in Sec-Fetch-Site (W3C Fetch Metadata); older ones give Origin alone. The
    session cookie is SameSite=Strict besides.

    Raises:
        CrossSite: The request comes from another site.
    """
    if request.method in _SAFE_METHODS:
        return
    relation = request.headers.get("sec-fetch-site")
    if relation is not None:
        is_own = relation in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        is_own = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not is_own:
        raise CrossSite("this request comes from another site: send it from the gateway's own page, or with an API key")
