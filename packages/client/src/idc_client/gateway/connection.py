"""One gateway over HTTP: keys, problems, retries."""

import random
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
from idc_client.gateway import failures as troubles

TRIES: Final = 4
"""How often a request is sent at most."""
LONGEST_WAIT_S: Final = 30.0
"""Longest pause between two tries, whatever the gateway asks for."""
FIRST_WAIT_S: Final = 1.0
COME_BACK: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses after which another try may succeed."""
_NOT_DONE: Final = frozenset({429, 503})
"""Those of them by which the gateway itself says that it did nothing; the others a proxy says."""


@dataclass(frozen=True)
class Access:
    """Where the gateway is, and how to get in."""

    url: str
    api_key: str = field(repr=False, default="")
    ca_file: Path | None = None
    timeout_s: float = 60.0


@dataclass(frozen=True)
class _Failure:
    """One try that brought no answer."""

    error: ClientError
    is_passing: bool
    """Whether another try may succeed, and may be made."""
    asked_s: float = 0.0


def wait_s(number: int, asked_s: float = 0.0) -> float:
    """The pause after the try with this number, from 1; clients that failed together do not come back together.

    Args:
        number: Of the try that failed.
        asked_s: How long the gateway asks to wait.
    """
    own_s: float = FIRST_WAIT_S * 2 ** (number - 1) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
    return min(max(own_s, asked_s), LONGEST_WAIT_S)


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
            InputRefused: The address or the authority's certificate is not valid.
            KeyRefused: The key cannot be one.
        """
        troubles.check_url(access.url)
        try:
            self._client = httpx.Client(
                base_url=f"{access.url.rstrip('/')}/api/v1",
                headers=_authorization(access.api_key),
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

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The JSON document at a path; parameters that are None are left out.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        return troubles.document(self._fulfilled("GET", path, params=_given(query)))

    def post(self, path: str, document: Mapping[str, Any], *, idempotency_key: str) -> dict[str, Any]:
        """Send a JSON document; it takes effect once, however often it is sent.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        headers = {"Idempotency-Key": idempotency_key}
        return troubles.document(self._fulfilled("POST", path, json=document, headers=headers))

    def post_once(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON document to an endpoint that knows no idempotency keys: after a lost answer it is not repeated.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        return troubles.document(self._fulfilled("POST", path, is_repeatable=False, json=document))

    def delete(self, path: str) -> None:
        """Delete what is there.

        Raises:
            ClientError: The gateway does not answer with success.
        """
        sent: list[httpx.Request] = []

        def make() -> httpx.Request:
            sent.append(self._client.build_request("DELETE", path))
            return sent[-1]

        # Where the answer to the first try was lost, the second one may find it done.
        self._tried(make, is_answer=lambda a: a.is_success or (a.status_code == 404 and len(sent) > 1))

    def upload(
        self, path: str, body: bytes, headers: Mapping[str, str], query: Mapping[str, str | None]
    ) -> httpx.Response:
        """Send a body that may arrive twice without harm.

        Returns:
            The answer: a success, a refusal that says something of each item, or one that finds the body too large.

        Raises:
            ClientError: The gateway does not answer so.
        """
        return self._tried(
            lambda: self._client.build_request("POST", path, content=body, headers=headers, params=_given(query)),
            is_answer=lambda a: a.is_success or a.status_code == 413 or "items" in troubles.members(a),
        )

    @contextmanager
    def stream(self, path: str, *, tries: int = TRIES, **request: Any) -> Iterator[httpx.Response]:
        """An answer that is read while it comes; once it has begun, it is not asked for again.

        Raises:
            ClientError: The gateway does not answer with success, or the connection breaks.
        """
        answer = self._tried(
            lambda: self._client.build_request("GET", path, **request),
            is_answer=lambda a: a.is_success,
            is_stream=True,
            tries=tries,
        )
        try:
            yield answer
        except httpx.HTTPError as exc:
            raise Unavailable(f"the connection to {self._url} broke: {exc}") from exc
        finally:
            answer.close()

    def _fulfilled(self, method: str, path: str, *, is_repeatable: bool = True, **request: Any) -> httpx.Response:
        return self._tried(
            lambda: self._client.build_request(method, path, **request),
            is_answer=lambda a: a.is_success,
            is_repeatable=is_repeatable,
        )

    def _tried(
        self,
        make: Callable[[], httpx.Request],
        *,
        is_answer: Callable[[httpx.Response], bool],
        is_repeatable: bool = True,
        is_stream: bool = False,
        tries: int = TRIES,
    ) -> httpx.Response:
        was_lost = False
        for number in range(1, tries + 1):
            outcome = self._attempt(make(), is_answer, is_repeatable=is_repeatable, is_stream=is_stream)
            if isinstance(outcome, httpx.Response):
                return outcome
            error = outcome.error
            if not outcome.is_passing:
                raise error
            was_lost = was_lost or isinstance(error, OutcomeUnknown)
            if number < tries:
                self.pause(wait_s(number, outcome.asked_s))
        if was_lost and not isinstance(error, OutcomeUnknown):
            raise OutcomeUnknown(f"an answer was lost on the way, and then: {error.format_message()}")
        raise error

    def _attempt(
        self,
        request: httpx.Request,
        is_answer: Callable[[httpx.Response], bool],
        *,
        is_repeatable: bool,
        is_stream: bool,
    ) -> httpx.Response | _Failure:
        try:
            answer = self._client.send(request, stream=is_stream)
            if is_answer(answer):
                return answer
            answer.read()
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            return _Failure(troubles.no_connection(self._url, exc), is_passing=not troubles.is_lasting(exc))
        except httpx.HTTPError as exc:
            return _Failure(self._lost(request, exc), is_passing=is_repeatable)
        error, status = troubles.refusal(answer), answer.status_code
        if not is_repeatable and status in COME_BACK - _NOT_DONE:
            return _Failure(
                OutcomeUnknown(f"{error.format_message()}: the change may have been made"), is_passing=False
            )
        return _Failure(error, is_passing=status in COME_BACK, asked_s=troubles.retry_after_s(answer))

    def _lost(self, request: httpx.Request, error: httpx.HTTPError) -> ClientError:
        text = troubles.no_answer(self._url, error)
        if request.method == "GET":
            return Unavailable(text)
        return OutcomeUnknown(f"{text}: what was sent may or may not be stored")


def _authorization(api_key: str) -> dict[str, str]:
    if not api_key:
        return {}
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise KeyRefused("the API key has spaces, line breaks or letters that no key has: copy it again, whole")
    return {"Authorization": f"Bearer {api_key}"}


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
