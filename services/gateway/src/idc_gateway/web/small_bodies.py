"""Bounds the bodies of every request that sends no images (plain ASGI).

The framework reads a JSON body whole before it asks who the caller is, so that the bound must stand before it.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request

from idc_gateway.errors import UnsupportedEncoding
from idc_gateway.web.encodings import check_encoding
from idc_gateway.web.problems import problem
from idc_servicekit.access_log import AsgiApp, Message, Receive, Send

MAX_BYTES: Final = 64 * 1024
TIMEOUT_S: Final = 10.0


class SmallBodies:
    """Reads at most `MAX_BYTES` in `TIMEOUT_S` for the application, and refuses what is larger or slower."""

    def __init__(self, app: AsgiApp, *, except_paths: Sequence[str], except_prefixes: tuple[str, ...] = ()) -> None:
        """Wrap an application, except for the paths in `except_paths` and those that begin with one of the prefixes."""
        self._app = app
        self._except_paths = frozenset(except_paths)
        self._except_prefixes = except_prefixes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_excepted(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            check_encoding(Headers(scope=scope))
            async with asyncio.timeout(TIMEOUT_S):
                messages = await _read(receive)
        except UnsupportedEncoding as exc:
            await self._refuse(scope, receive, send, exc.status, exc.kind, str(exc))
            return
        except TimeoutError:
            detail = f"the body did not arrive within {TIMEOUT_S:.0f} s: send it without a pause"
            await self._refuse(scope, receive, send, HTTPStatus.REQUEST_TIMEOUT, "body-too-slow", detail)
            return
        if messages is None:
            detail = f"a body may have at most {MAX_BYTES} bytes here; send images to /api/v1/classifications"
            await self._refuse(scope, receive, send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", detail)
            return
        messages.reverse()

        async def receive_again() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, receive_again, send)

    def _is_excepted(self, path: str) -> bool:
        return path in self._except_paths or path.startswith(self._except_prefixes)

    @staticmethod
    async def _refuse(scope: Message, receive: Receive, send: Send, status: HTTPStatus, kind: str, detail: str) -> None:
        answer = problem(Request(scope), status, kind, detail, {"Connection": "close"})
        await answer(scope, receive, send)


async def _read(receive: Receive) -> list[Message] | None:
    """The messages of one whole body; None where it is too large."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > MAX_BYTES:
            return None
        if not message.get("more_body", False):
            return messages
