"""Ends requests whose authority has ended, and reports that as the answer's kind allows (plain ASGI)."""

import asyncio
import json
from contextlib import suppress
from typing import Final

from starlette.requests import Request

from idc_gateway.access.running_requests import RunningRequest
from idc_gateway.errors import GatewayError
from idc_gateway.web.problems import members, problem_of
from idc_servicekit.access_log import AsgiApp, Message, Receive, Send

END_EVENT: Final = "authority-ended"
"""The last event of a stream; the page signs in again instead of connecting again and again."""

LAST_WORDS_S: Final = 2.0


class LastingAuthority:
    """Lets `RunningRequests` see each request, and answers those that it ended."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["app"].state.gateway is None:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            async with asyncio.timeout(None) as deadline:
                with scope["app"].state.gateway.access.running.one(deadline) as running:
                    scope.setdefault("state", {})["running"] = running
                    try:
                        await self._app(scope, receive, answer.send)
                    finally:
                        for end in running.at_end:
                            await end()
        except TimeoutError:
            if running.ended_by is None:
                raise
            await answer.end(Request(scope), receive, running.ended_by)


def running_of(request: Request) -> RunningRequest:
    """The request as `RunningRequests` sees it."""
    running: RunningRequest = request.state.running
    return running


class _Answer:
    """What of an answer went out already."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._media_type: bytes | None = None
        self._is_whole = False

    async def send(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.start":
            self._media_type = dict(message.get("headers", [])).get(b"content-type", b"").split(b";")[0]
        elif message["type"] == "http.response.body":
            self._is_whole = not message.get("more_body", False)

    async def end(self, request: Request, receive: Receive, reason: GatewayError) -> None:
        """Answer with the reason, or make it the end of the answer that has begun.

        A file that has begun is cut off without an end: it must not look whole. A client that has stopped reading gets
        no words either.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                if self._media_type is None:
                    answer = problem_of(request, reason)
                    answer.headers["Connection"] = "close"  # what the client still sends is dropped
                    await answer(request.scope, receive, self._send)
                elif not self._is_whole and (last := self._last_words(reason)):
                    await self._send({"type": "http.response.body", "body": last.encode(), "more_body": False})

    def _last_words(self, reason: GatewayError) -> str | None:
        problem = json.dumps(members(reason.status, reason.kind, str(reason)))
        if self._media_type == b"text/event-stream":
            return f"event: {END_EVENT}\ndata: {problem}\n\n"
        if self._media_type == b"application/x-ndjson":
            return f'{{"error": {problem}}}\n'
        return None
