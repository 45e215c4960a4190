"""Requests that a browser sends on another site's behalf, which are rejected."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from idc_gateway.errors import CrossSite
from idc_gateway.settings import GatewaySettings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REMEDY: Final = "send it from the gateway's own page, or with an API key"


def check_same_origin(request: Request, settings: GatewaySettings) -> None:
    """Reject requests of other sites, and changing requests that do not name their site, with CrossSite.

    The session cookie is SameSite=Strict, which keeps other sites out, but not other ports of the same host.
    """
    reject_other_sites(request, settings)
    if request.method not in SAFE_METHODS and not _names_site(request):
        raise CrossSite(f"this request does not name its origin: {_REMEDY}")


def reject_other_sites(request: Request, settings: GatewaySettings) -> None:
    """Reject requests of other sites with CrossSite; programs, which do not name a site, are admitted.

    Browsers name the sender's relation in Sec-Fetch-Site (W3C Fetch Metadata), over plain HTTP in Origin alone.
    """
    relation, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if relation is not None:
        is_own = relation in ("same-origin", "none")
    else:
        own = {request.headers.get("host"), _netloc(str(settings.public_url))} - {None}
        is_own = origin is None or _netloc(origin) in own
    if not is_own:
        raise CrossSite(f"this request comes from another site: {_REMEDY}")


def reject_rebound_names(request: Request, settings: GatewaySettings) -> None:
    """Reject a browser that reached the gateway by a name other than that of `public_url` and `localhost`.

    A site's own name can lead its visitors' browsers to this address (DNS rebinding): to the browser this is one site.
    """
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        host = ""
    if _names_site(request) and not _is_address(host) and host not in ("localhost", settings.public_url.host):
        raise CrossSite(f"{host[:64]!r} is not this gateway's name: use its address, or set GATEWAY_PUBLIC_URL")


def _names_site(request: Request) -> bool:
    return "sec-fetch-site" in request.headers or "origin" in request.headers


def _netloc(url: str) -> str | None:
    try:
        return urlsplit(url).netloc or None
    except ValueError:  # an unbalanced bracket, say: no browser sends it
        return None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
