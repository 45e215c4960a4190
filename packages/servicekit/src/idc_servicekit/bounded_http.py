"""HTTP/1.1 by httptools, with the bounds that it leaves out: how long a request's head may be and may take."""

import asyncio
import json
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line, headers and trailers together; uvicorn's other protocol, h11, has the same bound."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Ends a connection whose head is too long or too slow, and tells why.

    One read from the socket, at most 256 KiB, may come on top of the bound.
    """

    head_timeout_s = 10.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Give the first head its time."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not whole yet."""
        super().data_received(data)
        if self._head_timer is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._head_is_here()
                self.send_400_response(f"the request's head is longer than {MAX_HEAD_BYTES} bytes")

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
