"""Headers that keep a browser from doing more than the page needs."""

from typing import Final

from idc_servicekit.access_log import Header, Message

_PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Swagger UI sets style attributes and draws its icons from data URLs; it may load no more than that.
_DOCS: Final = _PAGE.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "img-src 'self' blob:", "img-src 'self' data:"
)
_POLICY: Final = b"content-security-policy"
_PAGE_POLICY: Final = (_POLICY, _PAGE.encode())
_DOCS_POLICY: Final = (_POLICY, _DOCS.encode())
_COMMON: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_KEPT: Final = (b"cache-control", b"no-store")

# A year, as RFC 6797 (section 6.1.1) counts it. Only HTTPS requests get the header: plain `localhost` stays reachable.
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def security_headers(scope: Message) -> list[Header]:
    """The headers of each answer; results are never kept in a cache."""
    headers = [*_COMMON, _DOCS_POLICY if scope["path"] == "/docs" else _PAGE_POLICY]
    if scope["scheme"] == "https":
        headers.append(_HSTS)
    if scope["path"].startswith("/api/"):
        headers.append(_NOT_KEPT)
    return headers
