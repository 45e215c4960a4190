"""uvicorn's HTTP/1.1 protocol on httptools, with bounds.

It limits the length and time of a request's head and the number of idle connections, ends a server without closing a
connection on which a request is on its way, and answers early without resetting one on which a body is.
"""

import asyncio
import json
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from idc_servicekit.lingering_close import LateBody, Lingering, LingeringTransport

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line, headers and trailers together; uvicorn's other protocol, h11, has the same bound."""
KEEP_ALIVE_S: Final = 150
"""Longer than proxies keep an idle connection: a server that closes first may do so while a request is on its way. The
proxy must not retry it, and the client gets 502. nginx and AWS's balancer keep one for 60 s, Traefik for 90 s, Caddy
and HTTP clients for at most 120 s."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose head is too long or too slow, with the reason.

    One read from the socket, at most 256 KiB, may exceed the bound.
    """

    head_timeout_s = 10.0
    max_idle_connections = 256
    """Beyond it, the one that was idle longest is closed."""
    linger_s = 0.5
    """An idle connection is read for this long when the server ends: a request may be on its way."""
    late_body_s = 10.0
    max_late_bytes = 64 * 1024 * 1024
    """What comes of a body after its answer is dropped, within this time and length; then the connection ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_ending = False
        self._is_bad_http = False
        self._late_body: LateBody | None = None
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Start the timer of the first head."""
        lingering = LingeringTransport(transport, is_client_sending=self._is_client_sending, linger=self._linger)
        super().connection_made(cast(asyncio.Transport, lingering))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        self._no_late_body()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head that is not whole yet, and of a body that comes after its answer."""
        if self._late_body is not None:
            self._late_body.count(data)
        super().data_received(data)
        if self._head_timer is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._head_is_here()
                self.send_400_response(f"the request's head is longer than {MAX_HEAD_BYTES} bytes")
        self._rest_again()

    def on_message_begin(self) -> None:
        """Start the timer of the next head."""
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
        if self._is_ending:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Keep the connection, and close the one idle longest where too many are idle."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._late_body = self._new_late_body()
        if len(self.connections) > self.max_idle_connections:
            resting = [other for other in self.connections if _rests(other)]
            if len(resting) > self.max_idle_connections:
                min(resting, key=_closes_at_s).transport.close()

    def on_message_complete(self) -> None:
        """The body is whole."""
        super().on_message_complete()
        self._no_late_body()
        if self.cycle.response_complete:
            self.cycle.more_body = False

    def shutdown(self) -> None:
        """Take no more requests on this connection except one that has begun to arrive."""
        self._is_ending = True
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(self.linger_s, self._close_if_idle)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not an HTTP request, and close the connection."""
        media_type, document = self.refusal(msg)
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: {media_type}\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self._is_bad_http = True
        self.transport.close()

    def refusal(self, text: str) -> tuple[str, dict[str, Any]]:
        """Media type and document of the response; a service overrides it with its own form of errors."""
        return "application/json", {"error": text}

    def _close_if_idle(self) -> None:
        is_head_coming = self._head_timer is not None and self._head_bytes > 0
        if not is_head_coming and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def _rest_again(self) -> None:
        """Restart the keep-alive timer after bytes that begin no request: they stopped it."""
        is_answered = self.cycle is not None and self.cycle.response_complete and not self.pipeline
        if self.transport.is_closing() or self._head_timer is not None:
            return
        if is_answered and self.timeout_keep_alive_task is None:
            later = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
            self.timeout_keep_alive_task = later

    def _is_client_sending(self) -> bool:
        return self._is_bad_http or (self.cycle is not None and self.cycle.more_body)

    def _linger(self) -> None:
        self.transport.set_protocol(Lingering(self._new_late_body(), self.connections))
        self.connection_lost(None)  # for HTTP it is: the application that still reads is told

    def _new_late_body(self) -> LateBody:
        return LateBody(self.transport, max_bytes=self.max_late_bytes, timeout_s=self.late_body_s)

    def _no_late_body(self) -> None:
        if self._late_body is not None:
            self._late_body.end()
            self._late_body = None

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


def _rests(connection: Any) -> bool:
    return connection.timeout_keep_alive_task is not None


def _closes_at_s(connection: Any) -> float:
    when: float = connection.timeout_keep_alive_task.when()
    return when
