"""Resolves a server's name in a thread of its own.

An event loop has a few threads for all names: lookups that hang, of one name that is gone say, take them all, and then
no server is reached any more.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from threading import Thread
from typing import Final

import httpx

LOOK_UP_AGAIN_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""No answer is so long: a server that goes on and on must not fill this process's memory."""


class NameLookup:
    """What one name leads to; at most one lookup of it runs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._addresses = [name] if _is_address(name) else []
        self._is_fixed = bool(self._addresses)
        self._failure = ""
        self._looked_at_s: float | None = None
        self._is_running = False
        self._ended = asyncio.Event()
        self._silent: set[str] = set()
        """Addresses that could not be connected to last time."""

    async def addresses(self, timeout_s: float | None) -> list[str]:
        """The addresses, at least one; those that were silent last time come last.

        What was found before is used while the name is looked up again.

        Raises:
            httpx.ConnectTimeout: It takes longer than `timeout_s`.
            httpx.ConnectError: There is no such name.
        """
        if not self._is_fixed and self._is_due():
            self._begin()
        if not self._addresses:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._ended.wait()
            except TimeoutError as exc:
                raise httpx.ConnectTimeout(f"the name {self._name!r} is not resolved in time") from exc
        if not self._addresses:
            raise httpx.ConnectError(f"the name {self._name!r} is not resolved: {self._failure}")
        return sorted(self._addresses, key=self._silent.__contains__)

    def is_silent(self, address: str) -> None:
        """Nobody lets itself be connected to there: try others first, and look the name up again."""
        self._silent.add(address)
        if self._silent.issuperset(self._addresses):
            self._silent.clear()
        self._looked_at_s = None

    def _is_due(self) -> bool:
        if self._is_running:
            return False
        is_known = self._looked_at_s is not None and bool(self._addresses)
        return not is_known or time.monotonic() - (self._looked_at_s or 0.0) > LOOK_UP_AGAIN_S

    def _begin(self) -> None:
        self._is_running = True
        self._ended.clear()
        look_up = partial(self._look_up, asyncio.get_running_loop())
        # A daemon: the process does not wait for it at its end.
        Thread(target=look_up, name=f"look up {self._name}", daemon=True).start()

    def _look_up(self, loop: asyncio.AbstractEventLoop) -> None:
        found: list[str] = []
        failure = ""
        try:
            answers = socket.getaddrinfo(self._name, None, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(address[0]) for *_, address in answers))
        except (OSError, UnicodeError) as exc:
            failure = str(exc)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._take, found, failure)

    def _take(self, found: list[str], failure: str) -> None:
        self._is_running = False
        self._looked_at_s = time.monotonic()
        self._failure = failure
        self._addresses = found or self._addresses
        self._ended.set()


class _Bounded(httpx.AsyncByteStream):
    """An answer's body, up to a length."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Its bytes.

        Raises:
            httpx.ReadError: There are too many.
        """
        left = MAX_ANSWER_BYTES
        async for piece in self._body:
            left -= len(piece)
            if left < 0:
                raise httpx.ReadError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        await self._body.aclose()


def _bounded(answer: httpx.Response) -> httpx.Response:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise httpx.RemoteProtocolError("the answer is compressed, for which it was not asked")
    if isinstance(answer.stream, httpx.AsyncByteStream):
        answer.stream = _Bounded(answer.stream)
    return answer


class ByAddress(httpx.AsyncBaseTransport):
    """Sends requests to the addresses of their host's name; the server and its certificate are still asked by name."""

    def __init__(self, transport: httpx.AsyncBaseTransport, lookup: NameLookup) -> None:
        """Take what carries the requests, and the lookup of the one name that they are for."""
        self._transport = transport
        self._lookup = lookup

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Try each address until one lets itself be connected to."""
        name, connect_s = request.url.host, request.extensions.get("timeout", {}).get("connect")
        if request.url.scheme == "https":
            request.extensions = {**request.extensions, "sni_hostname": name}
        failure: httpx.TransportError | None = None
        for address in await self._lookup.addresses(connect_s):
            request.url = request.url.copy_with(host=address)
            try:
                return _bounded(await self._transport.handle_async_request(request))
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                failure = exc
                self._lookup.is_silent(address)
        raise failure or httpx.ConnectError(f"the name {name!r} has no address")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
