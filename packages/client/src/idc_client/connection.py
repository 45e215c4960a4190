"""One gateway over HTTP: keys, problems, retries."""

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from idc_client.errors import ClientError, InputRefused, KeyRefused, OutcomeUnknown, Unavailable

TRIES: Final = 4
"""How often a request is sent at most."""
LONGEST_WAIT_S: Final = 30.0
"""Longest pause between two tries, whatever the gateway asks for."""
FIRST_WAIT_S: Final = 0.5
_COME_BACK: Final = frozenset({429, 502, 503, 504})

Body = Callable[[], Iterator[bytes]]
"""Makes a request's body, once for each try."""


@dataclass(frozen=True)
class Access:
    """Where the gateway is, and how to get in."""

    url: str
    api_key: str = field(repr=False, default="")
    ca_file: Path | None = None
    timeout_s: float = 60.0


class Connection:
    """Sends requests and reads answers; what is wrong comes as a `ClientError`."""

    def __init__(
        self,
        access: Access,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            access: Where to, and with which key.
            transport: What carries the requests.
            pause: Waits so many seconds, between two tries.

        Raises:
            InputRefused: The address or the authority's certificate is none.
        """
        headers = {"Authorization": f"Bearer {access.api_key}"} if access.api_key else {}
        try:
            self._client = httpx.Client(
                base_url=f"{access.url.rstrip('/')}/api/v1",
                headers=headers,
                timeout=access.timeout_s,
                transport=transport,
                verify=_trust(access.ca_file),
            )
        except (httpx.InvalidURL, ValueError) as exc:
            raise InputRefused(f"{access.url!r} is no gateway's address: {exc}; give --url https://HOST") from exc
        self._url = access.url
        self.pause = pause

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON document at a path; parameters that are None are left out.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        return self._fulfilled("GET", path, params=_given(query)).json()

    def post(self, path: str, document: Mapping[str, Any], *, idempotency_key: str) -> Any:
        """Send a JSON document; it takes effect once, however often it is sent.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        answer = self._fulfilled("POST", path, json=document, headers={"Idempotency-Key": idempotency_key})
        return answer.json()

    def post_once(self, path: str, document: Mapping[str, Any]) -> Any:
        """Send a JSON document to an endpoint that knows no idempotency keys: after a lost answer it is not repeated.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        return self._fulfilled("POST", path, is_repeatable=False, json=document).json()

    def delete(self, path: str) -> None:
        """Delete what is there.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        self._fulfilled("DELETE", path)

    def upload(self, path: str, body: Body, headers: Mapping[str, str], query: Mapping[str, Any]) -> httpx.Response:
        """Send a body that is made anew for each try, under an `Idempotency-Key` in the headers.

        Returns:
            The answer: a success, or a refusal that says something of each item.

        Raises:
            ClientError: The gateway does not answer so.
        """
        return self._tried(
            lambda: self._client.build_request("POST", path, content=body(), headers=headers, params=_given(query)),
            is_repeatable=True,
            is_answer=lambda answer: answer.is_success or "items" in _members(answer),
        )

    @contextmanager
    def stream(self, path: str, **request: Any) -> Iterator[httpx.Response]:
        """An answer that is read while it comes; no retries.

        Raises:
            ClientError: The gateway does not answer with success, or the connection breaks.
        """
        try:
            with self._client.stream("GET", path, **request) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _refusal(answer)
                yield answer
        except httpx.HTTPError as exc:
            raise Unavailable(f"the connection to {self._url} broke: {exc}") from exc

    def _fulfilled(self, method: str, path: str, *, is_repeatable: bool = True, **request: Any) -> httpx.Response:
        return self._tried(
            lambda: self._client.build_request(method, path, **request),
            is_repeatable=is_repeatable,
            is_answer=lambda answer: answer.is_success,
        )

    def _tried(
        self,
        make: Callable[[], httpx.Request],
        *,
        is_repeatable: bool,
        is_answer: Callable[[httpx.Response], bool],
    ) -> httpx.Response:
        wait_s, was_sent = FIRST_WAIT_S, False
        for number in range(1, TRIES + 1):
            try:
                answer = self._client.send(make())
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                failure: ClientError = Unavailable(f"cannot reach {self._url}: {exc}; is it running, and --url right?")
            except httpx.HTTPError as exc:
                was_sent = True
                if not is_repeatable:
                    raise self._unknown(exc) from exc
                failure = self._unknown(exc)
            else:
                if is_answer(answer):
                    return answer
                failure = _refusal(answer)
                if answer.status_code not in _COME_BACK:
                    raise failure
                wait_s = max(wait_s, _retry_after_s(answer))
            if number < TRIES:
                self.pause(min(wait_s, LONGEST_WAIT_S))
                wait_s *= 2
        if was_sent and not isinstance(failure, OutcomeUnknown):
            raise OutcomeUnknown(f"an answer was lost on the way, and then: {failure.format_message()}") from failure
        raise failure

    def _unknown(self, error: httpx.HTTPError) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self._url} did not answer to the end ({type(error).__name__}): what was sent may or may not be stored"
        )


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise InputRefused(f"{ca_file} is no authority's certificate (PEM): {exc}") from exc


def segment(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _refusal(answer: httpx.Response) -> ClientError:
    status, problem = answer.status_code, _members(answer)
    detail = problem.get("detail") or f"{answer.reason_phrase or 'no reason given'}: is there a gateway at --url?"
    text = f"{detail} ({status})"
    if status == 401:
        return KeyRefused(f"{text}; set IDC_API_KEY or give --api-key-file")
    if status == 403:
        return KeyRefused(text)
    return Unavailable(text) if status >= 500 or status == 429 else InputRefused(text)


def _members(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _retry_after_s(answer: httpx.Response) -> float:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0
