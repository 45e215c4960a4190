"""Answers that go out line by line while the request still comes in."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE: Final = "application/x-ndjson"


class NdjsonResponse(Response):
    """Streams lines; unlike Starlette's own streaming it leaves the request's body to those who read it."""

    def __init__(self, lines: AsyncIterator[bytes], resources: ExitStack) -> None:
        """Make the answer.

        Args:
            lines: Whole lines, each with its line feed.
            resources: What the request holds; given back when the answer is out.
        """
        super().__init__(media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._lines = lines
        self._resources = resources

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answer."""
        with self._resources:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in self._lines:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
