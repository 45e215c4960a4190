"""HTTP to one inference server, by aiohttp: a request costs it 0.3 ms of processor time, and httpx 2.3."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from idc_gateway.inference.credentials import KeyFromFile, KeyUnreadable
from idc_gateway.inference.name_lookup import NameLookup
from idc_servicekit.tracing import client_span

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""No valid answer is longer: an endless one must not fill this process's memory."""
_PIECE_BYTES: Final = 512 * 1024
_HEADERS: Final = {"Accept-Encoding": "identity"}
"""Compressed, a short answer could fill the memory."""
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)
"""Callers have a deadline for all that they do."""


class NoAnswer(Exception):
    """The server did not answer, or not in HTTP, or too much."""

    def __init__(self, text: str, *, is_ours_to_mend: bool = False) -> None:
        """Take the reason.

        Args:
            text: What is wrong.
            is_ours_to_mend: Whether the certificate is not trusted, or the key cannot be read: no wait mends that.
        """
        super().__init__(text)
        self.is_ours_to_mend = is_ours_to_mend


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class HttpClient:
    """Connections to one server. They are opened when they are needed, and verified by name wherever it leads."""

    def __init__(
        self,
        url: str,
        *,
        lookup: NameLookup,
        trust: ssl.SSLContext | None,
        key: KeyFromFile | None,
        max_connections: int,
        is_traced: bool,
    ) -> None:
        self._url = url.rstrip("/")
        self._lookup = lookup
        self._trust = trust
        self._key = key if self._url.startswith("https:") else None
        self._max_connections = max_connections
        self._is_traced = is_traced
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str) -> HttpAnswer:
        """Ask for something.

        Raises:
            NoAnswer: The server does not answer.
        """
        return await self._ask("GET", path, None, {})

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Send something; a server that just closes its connection may get it twice.

        Raises:
            NoAnswer: The server does not answer.
        """
        return await self._ask("POST", path, body, headers)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        try:
            sent = {**headers, **(self._key.header() if self._key else {})}
            with client_span(method, sent) if self._is_traced else nullcontext():
                try:
                    return await self._ask_once(method, path, body, sent)
                except aiohttp.ServerDisconnectedError:  # it had closed a connection that rested
                    return await self._ask_once(method, path, body, sent)
        except KeyUnreadable as exc:
            raise NoAnswer(str(exc), is_ours_to_mend=True) from exc
        except (aiohttp.ClientError, OSError) as exc:
            text = str(exc)
            raise NoAnswer(text, is_ours_to_mend="CERTIFICATE_VERIFY_FAILED" in text) from exc

    async def _ask_once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        if self._session is None:
            self._session = self._open()
        if body is not None and len(body) > _PIECE_BYTES:
            headers = {**headers, "Content-Length": str(len(body))}
        data = body if body is None or len(body) <= _PIECE_BYTES else _pieces(body)
        url = URL(self._url + path, encoded=True)
        async with self._session.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
            return HttpAnswer(answer.status, await _bounded(answer))

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._max_connections, ssl=self._trust or True, resolver=self._lookup, use_dns_cache=False
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
        )


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """A long body in pieces, between which other requests are served."""
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]
        await asyncio.sleep(0)


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    """The body.

    Raises:
        aiohttp.ClientPayloadError: It is compressed, or too long.
    """
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise aiohttp.ClientPayloadError("the answer is compressed, which was not requested")
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            answer.close()
            raise aiohttp.ClientPayloadError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)
