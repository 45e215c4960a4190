"""Requests to one gateway, with the API key, retries and errors that name the remedy."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from idc_client.errors import ClientError, InputRejected, OutcomeUnknown, Unavailable
from idc_client.gateway import failures
from idc_client.gateway.access import authorization, checked_address, trusted_authorities

TRIES: Final = 4
"""How often a request is sent at most."""
MAX_PAUSE_S: Final = 30.0
"""Longest pause between two tries, regardless of the gateway's `Retry-After`."""
FIRST_PAUSE_S: Final = 1.0
TRANSIENT: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses after which a retry may succeed."""
_NOT_EXECUTED: Final = frozenset({429, 503})
"""These mean that the gateway did nothing; the other transient statuses may come from a proxy."""


class _Retryable(Exception):
    """A try failed, and another one may succeed."""

    def __init__(self, error: ClientError, retry_after_s: float = 0.0) -> None:
        self.error = error
        self.retry_after_s = retry_after_s


@dataclass
class Connection:
    """A gateway's address and the API key, checked with the first request.

    Each request raises a `ClientError` where the gateway does not answer with success, and where the address, the key
    or the CA file cannot be right.
    """

    url: str
    api_key: str = field(repr=False, default="")
    ca_file: Path | None = None
    timeout_s: float = 60.0
    transport: httpx.BaseTransport | None = None
    pause: Callable[[float], None] = time.sleep
    """Waits that many seconds between two tries."""

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"{checked_address(self.url)}/api/v1",
            headers=authorization(self.api_key),
            timeout=self.timeout_s,
            transport=self.transport,
            verify=trusted_authorities(self.ca_file),
        )

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "_client" in self.__dict__:
            self._client.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The JSON object at a path; query parameters that are None are left out."""
        return _document(self._request("GET", path, params=_without_none(query)))

    def post(
        self,
        path: str,
        document: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        is_repeatable: bool = False,
    ) -> dict[str, Any]:
        """Send a JSON object.

        Args:
            path: Below `/api/v1`.
            document: What to send.
            idempotency_key: With it, the gateway executes a repeated request once. Without it, a request is not
                repeated after its answer was lost.
            is_repeatable: Whether it does no harm twice, without a key too.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        is_repeatable = is_repeatable or idempotency_key is not None
        return _document(self._request("POST", path, is_repeatable=is_repeatable, json=document, headers=headers))

    def try_once(
        self, method: str, path: str, *, headers: Mapping[str, str], content: bytes | Iterator[bytes]
    ) -> httpx.Response:
        """Send a request once; any answer is one, and only a broken connection an error."""
        return self._request(
            method, path, tries=1, is_answer=lambda _answer, _number: True, headers=headers, content=content
        )

    def delete(self, path: str) -> None:
        """Delete what is there."""
        # The answer to an earlier try may have been lost.
        self._request("DELETE", path, is_answer=lambda a, number: a.is_success or (a.status_code == 404 and number > 1))

    def upload(self, path: str, files: list[Any], query: Mapping[str, str | float | None]) -> httpx.Response:
        """Send files in a form that may arrive twice without harm.

        Returns:
            A success, a rejection that lists its items, or 413 (body too large).
        """
        return self._request(
            "POST",
            path,
            files=files,
            params=_without_none(query),
            is_answer=lambda a, _: a.is_success or a.status_code == 413 or "items" in failures.json_object(a),
        )

    @contextmanager
    def stream(self, path: str, *, tries: int = TRIES, **request: Any) -> Iterator[httpx.Response]:
        """An answer to read while it arrives; once it has begun, it is not requested again."""
        answer = self._request("GET", path, tries=tries, is_stream=True, **request)
        try:
            yield answer
        except httpx.HTTPError as exc:
            raise Unavailable(f"the connection to {self.url} broke: {exc}") from exc
        finally:
            answer.close()

    def _request(
        self,
        method: str,
        path: str,
        *,
        is_answer: Callable[[httpx.Response, int], bool] = lambda answer, _number: answer.is_success,
        is_repeatable: bool = True,
        is_stream: bool = False,
        tries: int = TRIES,
        **request: Any,
    ) -> httpx.Response:
        was_answer_lost = False
        for number in range(1, tries + 1):
            try:
                sent = self._client.build_request(method, path, **request)
                answer = self._send(sent, is_repeatable=is_repeatable, is_stream=is_stream)
                if is_answer(answer, number):
                    return answer
                raise self._rejection(answer, is_repeatable=is_repeatable)
            except _Retryable as failure:
                error = failure.error
                was_answer_lost = was_answer_lost or isinstance(error, OutcomeUnknown)
                if number < tries:
                    self.pause(pause_s(number, failure.retry_after_s))
        if was_answer_lost and not isinstance(error, OutcomeUnknown):
            raise OutcomeUnknown(f"an answer was lost, and then: {error.format_message()}")
        raise error

    def _send(self, request: httpx.Request, *, is_repeatable: bool, is_stream: bool) -> httpx.Response:
        try:
            answer = self._client.send(request, stream=is_stream)
            if not answer.is_success:
                answer.read()
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            error = failures.no_connection(self.url, exc)
            raise (error if failures.is_permanent(exc) else _Retryable(error)) from exc
        except httpx.HTTPError as exc:
            error = failures.no_answer(self.url, exc, may_have_changed=request.method != "GET")
            raise (_Retryable(error) if is_repeatable else error) from exc
        return answer

    def _rejection(self, answer: httpx.Response, *, is_repeatable: bool) -> Exception:
        error, status = failures.rejection(answer), answer.status_code
        if status not in TRANSIENT:
            return error
        if is_repeatable or status in _NOT_EXECUTED:
            return _Retryable(error, failures.retry_after_s(answer))
        return OutcomeUnknown(f"{error.format_message()}: the change may have been made")


def pause_s(number: int, retry_after_s: float = 0.0) -> float:
    """The pause in seconds after the try with this number, from 1.

    It doubles with each try, is at least the gateway's `Retry-After`, at most `MAX_PAUSE_S`, and random, so that
    clients that failed together do not return together.
    """
    backoff_s: float = FIRST_PAUSE_S * 2 ** (number - 1) * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
    return min(max(backoff_s, retry_after_s), MAX_PAUSE_S)


def path_segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def _document(answer: httpx.Response) -> dict[str, Any]:
    document = failures.json_object(answer)
    if not document:
        raise InputRejected(f"{answer.url} does not answer like a gateway: is there a gateway at --url?")
    return document


def _without_none(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}
