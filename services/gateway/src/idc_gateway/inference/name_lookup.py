"""Resolves a server's name in its own thread.

An event loop has a few threads for all names: lookups that hang, of one name that is gone say, take them all, and then
no server is reached any more.
"""

import asyncio
import socket
import time
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

LOOK_UP_AGAIN_S: Final = 5.0


class NameLookup(AbstractResolver):
    """What one server's name leads to; at most one lookup runs. aiohttp connects to whichever address answers."""

    def __init__(self) -> None:
        self._found: list[ResolveResult] = []
        self._failure = ""
        self._looked_at_s: float | None = None
        self._is_running = False
        self._ended = asyncio.Event()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses, at least one; the previous result is used while the name is looked up again.

        Raises:
            OSError: There is no such name.
        """
        if self._is_due():
            self._begin(host, port, family)
        if not self._found:
            await self._ended.wait()
        if not self._found:
            raise OSError(None, f"the name {host!r} is not resolved: {self._failure}")
        return list(self._found)

    async def close(self) -> None:
        """Nothing is open."""

    def _is_due(self) -> bool:
        if self._is_running:
            return False
        is_known = self._looked_at_s is not None and bool(self._found)
        return not is_known or time.monotonic() - (self._looked_at_s or 0.0) > LOOK_UP_AGAIN_S

    def _begin(self, host: str, port: int, family: socket.AddressFamily) -> None:
        self._is_running = True
        self._ended.clear()
        look_up = partial(self._look_up, asyncio.get_running_loop(), host, port, family)
        # A daemon: the process does not wait for it at its end.
        Thread(target=look_up, name=f"look up {host}", daemon=True).start()

    def _look_up(self, loop: asyncio.AbstractEventLoop, host: str, port: int, family: socket.AddressFamily) -> None:
        addresses: list[ResolveResult] = []
        failure = ""
        try:
            for kind, _, protocol, _, address in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
                flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
                addresses.append(
                    ResolveResult(
                        hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=flags
                    )
                )
        except (OSError, UnicodeError) as exc:
            failure = str(exc)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._take, addresses, failure)

    def _take(self, addresses: list[ResolveResult], failure: str) -> None:
        self._is_running = False
        self._looked_at_s = time.monotonic()
        self._failure = failure
        self._found = addresses or self._found
        self._ended.set()
