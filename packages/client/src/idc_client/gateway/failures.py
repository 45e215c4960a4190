"""What a failed request means, and what to do about it."""

from typing import Any, Final

import httpx

from idc_client.errors import ClientError, InputRejected, KeyRejected, OutcomeUnknown, Unavailable

_OTHER_NAME: Final = "its certificate is for another name: use --url with the name in the certificate"
_NO_TLS: Final = "this port does not speak TLS: use --url http://HOST, or the TLS port"
_TLS_REMEDIES: Final = {
    "mismatch": _OTHER_NAME,
    "not valid for": _OTHER_NAME,
    "expired": "its certificate has expired, or this machine's clock is wrong: renew it, or set the clock",
    "not yet valid": "its certificate is not valid yet, or this machine's clock is wrong: set the clock",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not signed by a trusted authority: use --ca-file with the "
    "authority's certificate (PEM)",
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "record layer failure": _NO_TLS,
    "packet length too long": _NO_TLS,
    "[SSL": "TLS fails",
}
"""Remedies by a part of OpenSSL's message; the first match counts."""
_EXPECTS_TLS: Final = ("HTTPS server", "HTTPS port")
"""What Go's and nginx's servers answer to plain HTTP on a TLS port."""


def no_connection(url: str, error: httpx.HTTPError) -> ClientError:
    """No connection was made."""
    reason = str(error)
    for sign, remedy in _TLS_REMEDIES.items():
        if sign in reason and "SSL" in reason:
            return Unavailable(f"no connection to {url}: {remedy} ({reason})")
    return Unavailable(f"cannot reach {url}: {reason or type(error).__name__}; is it running, and is --url right?")


def is_permanent(error: httpx.HTTPError) -> bool:
    """Whether a retry would fail in the same way."""
    return "[SSL" in str(error)


def no_answer(url: str, error: httpx.HTTPError, *, may_have_changed: bool) -> ClientError:
    """A request was sent, but no complete answer came back."""
    text = f"{url} sent no complete answer ({type(error).__name__})"
    if isinstance(error, httpx.TimeoutException):
        text += ": wait longer with --timeout-s"
    elif isinstance(error, httpx.RemoteProtocolError) and url.startswith("http://"):
        text += "; if it speaks TLS, use --url https://HOST"
    return OutcomeUnknown(f"{text}: the change may or may not be stored") if may_have_changed else Unavailable(text)


def rejection(answer: httpx.Response) -> ClientError:
    """The error for an answer that is not a success, from the gateway or whatever runs at its address."""
    status, problem = answer.status_code, json_object(answer)
    if answer.has_redirect_location:
        return InputRejected(f"{answer.url} redirects to {answer.headers['Location']}: use that address as --url")
    text = f"{problem.get('detail') or _without_detail(answer)} ({status})"
    if status == 401:
        return KeyRejected(f"{text}; set IDC_API_KEY or use --api-key-file")
    if status == 403:
        return KeyRejected(text)
    return Unavailable(text) if status >= 500 or status in (408, 429) else InputRejected(text)


def _without_detail(answer: httpx.Response) -> str:
    reason = answer.reason_phrase or "no reason given"
    if any(sign in answer.text[:2000] for sign in _EXPECTS_TLS):
        return f"{reason}: this port speaks TLS: use --url https://HOST"
    if answer.status_code in (502, 504):
        return f"{reason}: a proxy at --url cannot reach the gateway"
    return f"{reason}: is there a gateway at --url?"


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object in an answer; empty if there is none."""
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def retry_after_s(answer: httpx.Response) -> float:
    """The gateway's `Retry-After`, in seconds; 0 by default."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
