"""Closes a connection in stages (RFC 9112, 9.6), so that a client that is still sending gets the answer.

A socket that is closed with bytes unread resets its connection: a client or proxy that is writing loses what was sent
to it before.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class LateBody:
    """What may still come of a body after its answer: so many bytes in so many seconds, and the connection ends."""

    def __init__(self, transport: asyncio.Transport, *, max_bytes: int, timeout_s: float) -> None:
        self._transport = transport
        self._left_bytes = max_bytes
        # Not `close`, which would first wait until the client has read all of the answer.
        self._timer = asyncio.get_running_loop().call_later(timeout_s, transport.abort)

    def count(self, data: bytes) -> None:
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            self._transport.abort()

    def end(self) -> None:
        """Nothing more will come."""
        self._timer.cancel()


class LingeringTransport:
    """A transport as an HTTP protocol sees it: `close` reads on where the client may still be sending."""

    def __init__(
        self, transport: asyncio.Transport, *, is_client_sending: Callable[[], bool], linger: Callable[[], None]
    ) -> None:
        """Wrap a transport.

        Args:
            transport: The connection.
            is_client_sending: Whether bytes may come that nobody wants any more.
            linger: Makes another protocol read them.
        """
        self._transport = transport
        self._is_client_sending = is_client_sending
        self._linger = linger
        self._is_lingering = False
        self._head = b""
        """Of an answer whose body has not come yet; sent with it, or in the loop's next turn."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, unless the connection is closing; the head of an answer and its body in one system call."""
        if self._is_lingering:
            return
        if not self._head and data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            asyncio.get_running_loop().call_soon(self._send_head)
            return
        self._transport.write(self._head + data)
        self._head = b""

    def _send_head(self) -> None:
        if self._head and not self._transport.is_closing():
            self._transport.write(self._head)
        self._head = b""

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._is_lingering or self._transport.is_closing()

    def close(self) -> None:
        """End this side of the connection, and the other side, too, unless the client may be sending."""
        if self.is_closing():
            return
        self._send_head()
        if not self._is_client_sending():
            self._transport.close()
            return
        self._is_lingering = True
        self._linger()
        self._transport.resume_reading()
        with suppress(OSError):  # the client has reset the connection
            self._transport.write_eof()


class Lingering(asyncio.Protocol):
    """Drops what comes until the client closes its side, too, or the bounds of a `LateBody` end it."""

    timeout_keep_alive_task = None
    """uvicorn's timer of an idle connection; this one is never idle."""

    def __init__(self, late_body: LateBody, connections: set[Any]) -> None:
        """Join the server's connections, for which it waits when it ends."""
        self._late_body = late_body
        self._connections = connections
        connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Drop it."""
        self._late_body.count(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._late_body.end()
        self._connections.discard(self)

    def shutdown(self) -> None:
        """The server ends, and waits: the bounds stay as they are."""
