"""One log line per HTTP request, and one id that follows the request everywhere (plain ASGI)."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final
from uuid import uuid4

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Message, Receive, Send], Awaitable[None]]

Header = tuple[bytes, bytes]

REQUEST_ID_HEADER: Final = "X-Request-ID"
_HEADER: Final = REQUEST_ID_HEADER.lower().encode()
_ID: Final = r"[A-Za-z0-9._-]{1,64}"
"""An id that a caller gives is taken only in this form: it goes into logs and messages."""
_ONE: Final = re.compile(_ID.encode())
_SEVERAL: Final = re.compile(rf"{_ID}(,{_ID}){{0,63}}".encode())

logger = logging.getLogger(__name__)


class AccessLog:
    """Middleware that gives each request an id (`scope["state"]["request_id"]`), sends it back and logs the request."""

    def __init__(
        self,
        app: AsgiApp,
        *,
        quiet_prefixes: Sequence[str] = (),
        takes_several_ids: bool = False,
        headers_for: Callable[[Message], Sequence[Header]] = lambda _scope: (),
        on_end: Callable[[Message, int, float], None] = lambda _scope, _status, _duration_s: None,
    ) -> None:
        """Wrap an application.

        Args:
            app: What answers.
            quiet_prefixes: Paths that begin so are logged at debug level: health checks, static files.
            takes_several_ids: Whether one request may come for up to 64, with commas between their ids.
            headers_for: Further headers of a request's answer; called with its scope.
            on_end: Called with each request's scope, status and duration in seconds.
        """
        self._app = app
        self._accepted = _SEVERAL if takes_several_ids else _ONE
        self._quiet = tuple(quiet_prefixes)
        self._headers_for = headers_for
        self._on_end = on_end

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = self._request_id(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                more = (*self._headers_for(scope), (_HEADER, request_id.encode()))
                message = {**message, "headers": [*message.get("headers", []), *more]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            duration_s = time.perf_counter() - started
            self._on_end(scope, status, duration_s)
            self._log(scope, status, request_id, duration_s)

    def _request_id(self, headers: Sequence[tuple[bytes, bytes]]) -> str:
        given = dict(headers).get(_HEADER, b"")
        return given.decode() if self._accepted.fullmatch(given) else uuid4().hex

    def _log(self, scope: Message, status: int, request_id: str, duration_s: float) -> None:
        is_quiet = scope["path"].startswith(self._quiet) and status < 500
        level = logging.DEBUG if is_quiet else logging.INFO
        if not logger.isEnabledFor(level):
            return
        logger.log(
            level,
            "%s %s",
            scope["method"],
            scope["path"][:256],
            extra={"status": status, "request_id": request_id, "duration_ms": round(duration_s * 1000, 2)},
        )
