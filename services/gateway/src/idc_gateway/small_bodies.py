"""Bounds the bodies of every request that sends no images (plain ASGI).

The framework reads a JSON body whole before it asks who the caller is, so that the bound must stand before it.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.requests import Request

from idc_gateway.problems import problem
from idc_servicekit.access_log import AsgiApp, Message, Receive, Send

MAX_BYTES: Final = 16 * 1024
TIMEOUT_S: Final = 10.0


class SmallBodies:
    """Reads at most `MAX_BYTES` in `TIMEOUT_S` for the application, and refuses what is larger or slower."""

    def __init__(self, app: AsgiApp, *, except_paths: Sequence[str]) -> None:
        """Wrap an application; the paths in `except_paths` are left alone."""
        self._app = app
        self._except_paths = frozenset(except_paths)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in self._except_paths:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(TIMEOUT_S):
                messages = await _read(receive)
        except TimeoutError:
            await self._refuse(scope, receive, send, HTTPStatus.REQUEST_TIMEOUT, "body-too-slow")
            return
        if messages is None:
            await self._refuse(scope, receive, send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large")
            return
        messages.reverse()

        async def receive_again() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, receive_again, send)

    @staticmethod
    async def _refuse(scope: Message, receive: Receive, send: Send, status: HTTPStatus, kind: str) -> None:
        detail = f"here a body has at most {MAX_BYTES} bytes, which arrive within {TIMEOUT_S:.0f} s"
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
