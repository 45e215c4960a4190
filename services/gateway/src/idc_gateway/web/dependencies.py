"""What routes get handed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from idc_gateway import executors
from idc_gateway.access.accesses import Accesses
from idc_gateway.access.accounts import Caller
from idc_gateway.access.failed_sign_ins import FailedSignIns
from idc_gateway.access.keys import FileKey, Keyring
from idc_gateway.access.known_devices import KnownDevices
from idc_gateway.access.running_requests import RunningRequests
from idc_gateway.access.scopes import Scope
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.access.throttle import RequestRates, SignInThrottle, source_of
from idc_gateway.access.users import Users
from idc_gateway.alarms.actions import AlarmActions
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.audit.chain_check import ChainCheck
from idc_gateway.classifying.classifying import Classifying
from idc_gateway.classifying.result_writer import ResultWriter
from idc_gateway.errors import CrossSite, Forbidden, Unauthenticated
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.outbox import Outbox
from idc_gateway.messages.ports import Bus
from idc_gateway.results.feed import Feed
from idc_gateway.results.housekeeping import Housekeeping
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.watched_images import WatchedImages
from idc_gateway.settings import GatewaySettings
from idc_gateway.shared_check import SharedCheck
from idc_gateway.store import Store
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.metrics import PrometheusMeter
from idc_servicekit.body_budget import BodyBudget

SESSION_COOKIE: Final = "idc_session"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BACKGROUND_PATHS: Final = frozenset(
    {"/api/v1/session", "/api/v1/alarms", "/api/v1/events", "/api/v1/status", "/api/v1/models", "/metrics"}
)
"""What a page asks by itself, again and again: it does not keep the session of somebody who has left."""


@dataclass(frozen=True)
class Gateway:
    """The parts of the running gateway."""

    settings: GatewaySettings
    store: Store
    store_check: SharedCheck
    inference: BalancedInference
    bus: Bus
    outbox: Outbox
    classifying: Classifying
    keyring: Keyring
    alarms: AlarmBoard
    bodies: BodyBudget
    images: WatchedImages | None
    writer: ResultWriter
    backlog: Backlog
    feed: Feed
    actions: AlarmActions
    housekeeping: Housekeeping
    image_deletions: ImageDeletions
    chain_check: ChainCheck
    users: Users
    sessions: BrowserSessions
    sign_ins: SignInThrottle
    failed_sign_ins: FailedSignIns
    devices: KnownDevices
    running: RunningRequests
    accesses: Accesses
    rates: RequestRates
    meter: PrometheusMeter
    exposition: Callable[[], bytes]
    """All figures in Prometheus's text format."""
    metrics_key: FileKey

    async def images_finding(self) -> str:
        """`ok`, or why images cannot be stored; it is `ok` where none are to be stored."""
        return "ok" if self.images is None else await self.images.finding()

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

    The request ends when that key or session does: see `RunningRequests`.

    Raises:
        Unauthenticated: Nobody who is known here.
        CrossSite: A signed-in browser was sent here by another site.
        TooMany: The caller has sent too many requests within a minute.
    """
    caller = await _identified(request, gateway, credentials)
    gateway.rates.count(caller.name)
    running_of(request).caller = caller
    return caller


async def _identified(request: Request, gateway: Gateway, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is not None:
        return await gateway.keyring.by_key(credentials.credentials)
    token = request.cookies.get(SESSION_COOKIE)
    if token is None:
        raise Unauthenticated("send an API key: `Authorization: Bearer <key>`; `make api-key` prints the first one")
    check_same_origin(request, gateway.settings)
    is_use = not (request.method in _SAFE_METHODS and request.url.path in BACKGROUND_PATHS)
    return await gateway.sessions.by_token(token, is_use=is_use)


async def identified_again(keyring: Keyring, sessions: BrowserSessions, caller: Caller) -> Caller:
    """Who has a caller's key or session now; that counts as no use of the session.

    Raises:
        Unauthenticated: It is over.
    """
    holder = sessions.holder if caller.is_browser else keyring.holder
    return await executors.authority(holder, caller.sha256)


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


def source_of_request(request: Request) -> str:
    """Whom the throttle counts a request's peer as."""
    return source_of(request.client.host if request.client else None)


def check_same_origin(request: Request, settings: GatewaySettings) -> None:
    """Refuse what a browser sends on another site's behalf; a changing request must say that it is none.

    The session cookie is SameSite=Strict, which keeps other sites out, but not other ports of the same host.

    Raises:
        CrossSite: The request comes from another site.
    """
    refuse_other_sites(request, settings)
    says_nothing = "sec-fetch-site" not in request.headers and "origin" not in request.headers
    if says_nothing and request.method not in _SAFE_METHODS:
        raise CrossSite(
            "this request does not say which site it is from: send it from the gateway's own page, or with an API key"
        )


def refuse_other_sites(request: Request, settings: GatewaySettings) -> None:
    """Refuse what a browser sends on another site's behalf; programs, which say nothing of sites, are let in.

    Browsers name the sender's relation in Sec-Fetch-Site (W3C Fetch Metadata), over plain HTTP in Origin alone.

    Raises:
        CrossSite: The request comes from another site.
    """
    relation, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if relation is not None:
        is_own = relation in ("same-origin", "none")
    else:
        own = {request.headers.get("host"), _netloc(str(settings.public_url))} - {None}
        is_own = origin is None or _netloc(origin) in own
    if not is_own:
        raise CrossSite("this request comes from another site: send it from the gateway's own page, or with an API key")


def refuse_rebound_names(request: Request, settings: GatewaySettings) -> None:
    """Refuse a browser that reached the gateway by a name which is not its own.

    A site's own name can lead its visitors' browsers to this address (DNS rebinding): to the browser this is one site.

    Raises:
        CrossSite: The request's host is a name other than that of `public_url` and `localhost`.
    """
    is_browser = "sec-fetch-site" in request.headers or "origin" in request.headers
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        host = ""
    if is_browser and not _is_address(host) and host not in ("localhost", settings.public_url.host):
        raise CrossSite(f"{host[:64]!r} is not this gateway's name: use its address, or set GATEWAY_PUBLIC_URL")


def _netloc(url: str) -> str | None:
    try:
        return urlsplit(url).netloc or None
    except ValueError:  # a bracket too many, say: no browser sends it
        return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
