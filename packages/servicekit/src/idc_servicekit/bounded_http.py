"""HTTP/1.1 by httptools, with what it leaves out.

It bounds how long a request's head may be and may take, and how many connections rest; and it ends a server without
closing a connection on which a request is on its way.
"""

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line, headers and trailers together; uvicorn's other protocol, h11, has the same bound."""
KEEP_ALIVE_S: Final = 150
"""A proxy sends a request on a connection that has rested. Whoever lets it rest for a shorter time than the proxy does
closes it now and then while a request is on its way, which the proxy must not repeat: 502. nginx lets connections rest
for 60 s, AWS's balancer for 60 s, Caddy, Traefik (90 s) and HTTP clients for less than 120 s."""

JOINED_BYTES: Final = 16 * 1024
JOINED_PIECES: Final = 4
"""What is longer or in more pieces is not joined."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose head is too long or too slow, and tells why.

    One read from the socket, at most 256 KiB, may come on top of the bound.
    """

    head_timeout_s = 10.0
    max_idle_connections = 256
    """Beyond it the one that has rested longest is closed."""
    linger_s = 0.5
    """So long a resting connection is still read when the server ends: a request may be on its way."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_ending = False
        self._late_body_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Give the first head its time."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._head_is_here()
        self._late_body_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not whole yet."""
        super().data_received(data)
        if self._head_timer is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._head_is_here()
                self.send_400_response(f"the request's head is longer than {MAX_HEAD_BYTES} bytes")
        self._rest_again()

    def on_message_begin(self) -> None:
        """Give the next head its time."""
        super().on_message_begin()
        if self._head_timer is None:
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count headers, and the trailers that follow a chunked body."""
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > 2 * MAX_HEAD_BYTES:  # those of the head were counted as bytes, too
            raise ValueError("too many headers or trailers")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_is_here()
        super().on_headers_complete()
        self.cycle.transport = _JoinedWrites(self.transport, self.loop)  # type: ignore[assignment] # as far as used
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Let the connection rest, and close another one where too many do."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            # It was refused before its body was read: what still comes of it has a time, too.
            self._late_body_timer = self.loop.call_later(self.head_timeout_s, self.transport.close)
        if len(self.connections) > self.max_idle_connections:
            resting = [other for other in self.connections if _rests(other)]
            if len(resting) > self.max_idle_connections:
                min(resting, key=_closes_at_s).transport.close()

    def on_message_complete(self) -> None:
        """The body is whole."""
        super().on_message_complete()
        self._late_body_is_here()
        if self.cycle.response_complete:
            self.cycle.more_body = False

    def shutdown(self) -> None:
        """Take no further request on this connection, but for one that is on its way."""
        self._is_ending = True
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(self.linger_s, self._close_if_idle)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request, and end the connection."""
        media_type, document = self.refusal(msg)
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {media_type}\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()

    def refusal(self, text: str) -> tuple[str, dict[str, Any]]:
        """Media type and document of the answer; a service overrides it with its own form of errors."""
        return "application/json", {"error": text}

    def _close_if_idle(self) -> None:
        is_head_coming = self._head_timer is not None and self._head_bytes > 0
        if not is_head_coming and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def _rest_again(self) -> None:
        """Let the connection rest after bytes that begin no request, for which its timer was stopped."""
        is_answered = self.cycle is not None and self.cycle.response_complete and not self.pipeline
        if self.transport.is_closing() or self._head_timer is not None:
            return
        if is_answered and self.timeout_keep_alive_task is None:
            later = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = later

    def _late_body_is_here(self) -> None:
        if self._late_body_timer is not None:
            self._late_body_timer.cancel()
            self._late_body_timer = None

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._head_is_too_slow)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_too_slow(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.send_400_response(f"the request's head did not arrive within {self.head_timeout_s:g} s")


class _JoinedWrites:
    """A transport that sends what is written in one turn of the event loop at once.

    uvicorn writes head and body of a response apart; each system call costs 20 µs here and as much in the client.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if len(data) > JOINED_BYTES:  # a long answer must feel the transport's back pressure
            self._flush()
            self._transport.write(data)
            return
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        if len(self._pieces) > JOINED_PIECES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()


def _rests(connection: Any) -> bool:
    return connection.timeout_keep_alive_task is not None


def _closes_at_s(connection: Any) -> float:
    when: float = connection.timeout_keep_alive_task.when()
    return when
