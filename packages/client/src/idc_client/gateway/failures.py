"""What a failed request means, with the remedy that fits."""

from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from idc_client.errors import ClientError, InputRefused, KeyRefused, Unavailable

_TLS_REMEDIES: Final = {
    "mismatch": "its certificate is for another name: give --url with the name in the certificate",
    "not valid for": "its certificate is for another name: give --url with the name in the certificate",
    "expired": "its certificate has expired, or this machine's clock is wrong: renew it, or set the clock",
    "not yet valid": "its certificate is not valid yet, or this machine's clock is wrong: set the clock",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not signed by an authority that is trusted here: give --ca-file "
    "with the authority's certificate (PEM)",
    "WRONG_VERSION_NUMBER": "it speaks no TLS at this port: give --url http://HOST, or the port that does",
    "record layer failure": "it speaks no TLS at this port: give --url http://HOST, or the port that does",
    "packet length too long": "it speaks no TLS at this port: give --url http://HOST, or the port that does",
    "[SSL": "TLS fails",
}
"""By what OpenSSL says; the first that fits counts."""
_WANTS_TLS: Final = ("HTTPS server", "HTTPS port")
"""In the answer of a server that got plain HTTP where it speaks TLS: Go's, nginx's."""


def check_url(url: str) -> None:
    """Refuse what is no gateway's address.

    Raises:
        InputRefused: The address lacks a scheme or a host.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise InputRefused(f"{url!r} is no gateway's address: {exc}; give --url https://HOST") from exc
    if not is_address:
        guess = f"http://{url}" if url and "://" not in url else "https://HOST"
        raise InputRefused(f"{url!r} is no gateway's address: give --url {guess}")


def no_connection(url: str, error: httpx.HTTPError) -> ClientError:
    """The gateway was not reached."""
    reason = str(error)
    for sign, remedy in _TLS_REMEDIES.items():
        if sign in reason and "SSL" in reason:
            return Unavailable(f"no connection to {url}: {remedy} ({reason})")
    return Unavailable(f"cannot reach {url}: {reason or type(error).__name__}; is it running, and is --url right?")


def is_lasting(error: httpx.HTTPError) -> bool:
    """Whether another try would fail in the same way."""
    return "[SSL" in str(error)


def no_answer(url: str, error: httpx.HTTPError) -> str:
    """The gateway was reached, and did not answer to the end."""
    text = f"{url} did not answer to the end ({type(error).__name__})"
    if isinstance(error, httpx.TimeoutException):
        return f"{text}: give it longer with --timeout-s"
    is_plain = isinstance(error, httpx.RemoteProtocolError) and url.startswith("http://")
    return f"{text}; if it speaks TLS, give --url https://HOST" if is_plain else text


def refusal(answer: httpx.Response) -> ClientError:
    """The gateway, or what stands at its address, said no."""
    status, problem = answer.status_code, members(answer)
    if answer.has_redirect_location:
        return InputRefused(f"{answer.url} redirects to {answer.headers['Location']}: give --url with that address")
    text = f"{problem.get('detail') or _unspoken(answer)} ({status})"
    if status == 401:
        return KeyRefused(f"{text}; set IDC_API_KEY or give --api-key-file")
    if status == 403:
        return KeyRefused(text)
    return Unavailable(text) if status >= 500 or status in (408, 429) else InputRefused(text)


def _unspoken(answer: httpx.Response) -> str:
    reason = answer.reason_phrase or "no reason given"
    if any(sign in answer.text[:2000] for sign in _WANTS_TLS):
        return f"{reason}: it speaks TLS at this port: give --url https://HOST"
    if answer.status_code in (502, 504):
        return f"{reason}: a proxy at --url cannot reach the gateway"
    return f"{reason}: is there a gateway at --url?"


def members(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer is; empty for anything else."""
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def document(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer has to be.

    Raises:
        InputRefused: It is something else: no gateway answered.
    """
    found = members(answer)
    if not found:
        raise InputRefused(f"{answer.url} answers with no gateway's document: is there a gateway at --url?")
    return found


def retry_after_s(answer: httpx.Response) -> float:
    """How long the gateway asks to wait, in seconds; 0 where it does not say."""
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
