"""`ETag` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1.2) for JSON that is read (plain ASGI)."""

import hashlib
from typing import Final

from idc_servicekit.access_log import AsgiApp, Message, Receive, Send

_PREFIX: Final = "/api/"
MAX_BYTES: Final = 4 * 1024 * 1024
"""A longer answer is not held to be digested; it goes out without a tag."""


class ConditionalGet:
    """Tags each JSON answer to a GET with its digest; answers 304 where the client has it already."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return
        known = dict(scope["headers"]).get(b"if-none-match", b"")
        await self._app(scope, receive, _Tagging(send, known))


class _Tagging:
    """Holds an answer back until it is whole, where it is JSON with status 200 and not too long."""

    def __init__(self, send: Send, known: bytes) -> None:
        self._send = send
        self._known = known
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _can_be_tagged(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if len(self._body) > MAX_BYTES:
                await self._let_go(message.get("more_body", False))
            elif not message.get("more_body", False):
                await self._finish(self._start)

    async def _let_go(self, more_body: bool) -> None:  # noqa: FBT001 - as the ASGI message has it
        assert self._start is not None  # noqa: S101 - only then anything is held
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": bytes(self._body), "more_body": more_body})
        self._start = None

    async def _finish(self, start: Message) -> None:
        tag = b'"' + hashlib.sha256(self._body).hexdigest()[:32].encode() + b'"'
        known = [item.strip().removeprefix(b"W/") for item in self._known.split(b",")]
        headers = [*start["headers"], (b"etag", tag)]
        if tag in known or known == [b"*"]:
            headers = [
                (name, value) for name, value in headers if name.lower() not in (b"content-length", b"content-type")
            ]
            await self._send({**start, "status": 304, "headers": headers})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": bytes(self._body)})


def _can_be_tagged(start: Message) -> bool:
    kind = dict(start.get("headers", [])).get(b"content-type", b"")
    return bool(start["status"] == 200 and kind.startswith(b"application/json"))
