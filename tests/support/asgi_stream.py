"""Reads a long answer from an application as it comes; httpx's own transport gives an answer when it is whole."""

import asyncio
from typing import Any

from fastapi import FastAPI


class AsgiStream:
    """One request whose answer goes on; it runs until the application ends it, or `close`."""

    def __init__(
        self,
        app: FastAPI,
        path: str,
        headers: dict[str, str],
        *,
        method: str = "GET",
        body: bytes = b"",
        more_body: bool = False,
        client: str = "127.0.0.1",
    ) -> None:
        self.status = 0
        self.body = b""
        self.is_whole = False
        """Whether the answer came to its end, and was not cut off."""
        self.may_read = asyncio.Event()
        """Only while it is set does the reader take what comes behind the head."""
        self.may_read.set()
        self._left = asyncio.Event()
        self._request: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": more_body}]
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": (client, 1),
        }
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    @property
    def is_over(self) -> bool:
        return self._task.done()

    async def close(self) -> None:
        """Leave, as a client does that closes its connection."""
        self._left.set()
        await self._task

    async def _receive(self) -> dict[str, Any]:
        if self._request:
            return self._request.pop()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            await self.may_read.wait()
            self.body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)
