"""Measures each request (plain ASGI)."""

import time
from typing import Final

from idc_gateway.web.metrics import Metrics
from idc_servicekit.access_log import AsgiApp, Message, Receive, Send

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MetricsMiddleware:
    """Counts each request under its `operationId`: ids in paths make no labels."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin_s, status = time.perf_counter(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics: Metrics = scope["app"].state.gateway.metrics
            metrics.request(method, _operation(scope), status, time.perf_counter() - begin_s)


def _operation(scope: Message) -> str:
    name = getattr(scope.get("route"), "name", None)
    return name if isinstance(name, str) else "none"
