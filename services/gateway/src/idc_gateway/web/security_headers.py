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
# The summary of a slide is for print: it has its styles and pictures inside, and nothing runs in it.
_PRINT: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_POLICY: Final = b"content-security-policy"
_PAGE_POLICY: Final = (_POLICY, _PAGE.encode())
_DOCS_POLICY: Final = (_POLICY, _DOCS.encode())
_PRINT_POLICY: Final = (_POLICY, _PRINT.encode())
_COMMON: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NOT_KEPT: Final = (b"cache-control", b"no-store")
_ASKED_AGAIN: Final = (b"cache-control", b"private, no-cache")
IS_KEPT: Final = "is_kept"
"""In a request's state: its browser may keep the answer, and asks with each use whether it is still allowed and new."""

# A year, as RFC 6797 (section 6.1.1) counts it. Only HTTPS requests get the header: plain `localhost` stays reachable.
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


def security_headers(scope: Message) -> list[Header]:
    """The headers of each answer; results are not kept in a cache, tiles of slides only in the browser's."""
    headers = [*_COMMON, _policy(scope["path"])]
    if scope["scheme"] == "https":
        headers.append(_HSTS)
    if scope["path"].startswith("/api/"):
        headers.append(_ASKED_AGAIN if scope["state"].get(IS_KEPT) else _NOT_KEPT)
    return headers


def _policy(path: str) -> Header:
    if path.startswith("/api/v1/slides/") and path.endswith("/summary.html"):
        return _PRINT_POLICY
    return _DOCS_POLICY if path == "/docs" else _PAGE_POLICY
