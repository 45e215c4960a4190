"""Answers that go out line by line while the request still comes in."""

from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE: Final = "application/x-ndjson"


class NdjsonResponse(Response):
    """Streams lines; unlike Starlette's own streaming it leaves the request's body to those who read it."""

    def __init__(
        self, lines: AsyncGenerator[bytes, None], resources: ExitStack, *, may_begin: Callable[[], bool] = lambda: True
    ) -> None:
        """Make the answer.

        Args:
            lines: Whole lines, each with its line feed.
            resources: What the request holds; given back when the answer is out.
            may_begin: Called for each line; lines are held until it returns True.
        """
        super().__init__(media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._lines = lines
        self._may_begin = may_begin
        self._resources = resources

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        with self._resources:
            held: list[bytes] = []
            is_begun = False
            async with aclosing(self._lines) as lines:  # whatever ends the answer ends the reading
                async for piece in lines:
                    held.append(piece)
                    if self._may_begin():
                        if not is_begun:
                            await self._begin(send)
                            is_begun = True
                        await send({"type": "http.response.body", "body": b"".join(held), "more_body": True})
                        held.clear()
            if not is_begun:
                await self._begin(send)
            await send({"type": "http.response.body", "body": b"".join(held), "more_body": False})

    async def _begin(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
