"""HTTP to the slides service, by aiohttp: bodies go both ways piece by piece, never whole in memory."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final, Literal
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from idc_gateway.errors import SlidesBroken, SlidesUnavailable
from idc_gateway.inference.name_lookup import NameLookup
from idc_servicekit.tracing import client_span

STALL_S: Final = 60.0
"""Longest time in which the service neither takes nor gives a byte."""
CONNECT_S: Final = 5.0
Pool = Literal["uploads", "exports", "rest"]
"""Each kind of request has its own connections: neither uploads nor slow readers of exports keep a viewer waiting."""
MAX_CONNECTIONS: Final = 64
"""Of one pool."""
MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
"""Largest answer that the gateway itself reads."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_connect=CONNECT_S)


class SlidesAnswer:
    """An answer whose head has arrived. Close it, or read it to its end."""

    def __init__(self, answer: aiohttp.ClientResponse, *, is_request_whole: bool, stall_s: float) -> None:
        self._answer = answer
        self._stall_s = stall_s
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        """By names of any case."""
        self.is_request_whole = is_request_whole
        """Whether the service waited for the whole request before it answered."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives; the time that its reader takes does not count.

        Raises:
            SlidesUnavailable: The body stopped before its end.
        """
        try:
            while True:
                async with asyncio.timeout(self._stall_s):
                    piece = await self._answer.content.readany()
                if not piece:
                    return
                yield piece
        except (aiohttp.ClientError, OSError) as exc:
            raise SlidesUnavailable(f"the slides service stopped in its answer: {_reason(exc)}") from exc
        finally:
            self.close()

    async def read(self, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
        """The whole body.

        Raises:
            SlidesUnavailable: The body stopped before its end.
            SlidesBroken: It is longer than `max_bytes`.
        """
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > max_bytes:
                self.close()
                raise SlidesBroken(f"an answer of the slides service is longer than {max_bytes} bytes")
        return bytes(body)

    def close(self) -> None:
        """Give the connection back, or end it where body or request are not whole."""
        if self.is_request_whole and self._answer.content.at_eof():
            self._answer.release()
        else:
            connection = self._answer.connection
            if connection is not None and connection.transport is not None:
                connection.transport.abort()  # closing alone would wait until the rest of the request is taken
            self._answer.close()


def _version_in(server: str) -> str | None:
    """The version in a `Server` header such as `idc-slides/1.2.3`."""
    product, _, version = server.partition("/")
    return version if product == "idc-slides" and version else None


class SlidesConnection:
    """Connections to one slides service, opened when they are needed."""

    def __init__(self, url: str, *, stall_s: float = STALL_S) -> None:
        self._url = url.rstrip("/")
        self._stall_s = stall_s
        self._sessions: dict[Pool, aiohttp.ClientSession] = {}
        self.version: str | None = None
        """Of the service, as its latest answer says; None before the first one, or where it does not say."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        pool: Pool = "rest",
    ) -> SlidesAnswer:
        """Send a request and wait for the head of its answer, whatever its status.

        Args:
            method: Of HTTP.
            path: Below the service's address; its parts are percent-encoded.
            query: Parameters.
            headers: Of the request.
            body: Whole, or as it arrives; what its iterator raises is raised here.
            pool: Whose connections it uses.

        Raises:
            SlidesUnavailable: There is no answer, or the service stopped taking the body.
        """
        sent = dict(headers or {})
        url = URL(f"{self._url}{path}{'?' + urlencode(query) if query else ''}", encoded=True)
        moving = _Body(body, self._stall_s) if body is not None and not isinstance(body, bytes) else None
        with client_span(method, sent):
            try:
                async with asyncio.timeout(self._stall_s) as deadline:
                    data = body if moving is None else moving.pieces(deadline)
                    session = self._session(pool)
                    answer = await session.request(method, url, data=data, headers=sent, allow_redirects=False)
            except (aiohttp.ClientError, OSError) as exc:
                if moving is not None and moving.failure is not None:
                    raise moving.failure from None
                raise SlidesUnavailable(f"the slides service does not answer: {_reason(exc)}; try again") from exc
        self.version = _version_in(answer.headers.get("Server", ""))
        return SlidesAnswer(answer, is_request_whole=moving is None or moving.is_whole, stall_s=self._stall_s)

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def _session(self, pool: Pool) -> aiohttp.ClientSession:
        if pool not in self._sessions:
            self._sessions[pool] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, resolver=NameLookup(), use_dns_cache=False),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                timeout=_TIMEOUT,
                auto_decompress=False,
            )
        return self._sessions[pool]


class _Body:
    """A body that is sent on as it arrives. aiohttp hides what broke it."""

    def __init__(self, source: AsyncIterator[bytes], stall_s: float) -> None:
        self._source = source
        self._stall_s = stall_s
        self.failure: Exception | None = None
        self.is_whole = False

    async def pieces(self, deadline: asyncio.Timeout) -> AsyncIterator[bytes]:
        """The pieces; the deadline runs while the service takes one, not while the sender makes one."""
        loop = asyncio.get_running_loop()
        try:
            deadline.reschedule(None)
            async for piece in self._source:
                if piece:  # an empty one would end a chunked body
                    deadline.reschedule(loop.time() + self._stall_s)
                    yield piece
                    deadline.reschedule(None)
        except Exception as exc:
            self.failure = exc
            raise
        self.is_whole = True
        deadline.reschedule(loop.time() + self._stall_s)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return str(error) or type(error).__name__
