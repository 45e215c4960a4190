"""Answers HEAD wherever GET exists, with the same head and no body (RFC 9110, 9.3.2; plain ASGI)."""

import asyncio

from idc_servicekit.access_log import AsgiApp, Message, Receive, Send


class HeadAsGet:
    """Middleware that lets the application answer a GET, and sends the head of what it answers."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # A copy: the server that made the scope must still know that this is no GET.
        as_get = {**scope, "method": "GET"}
        is_streaming = False

        async def send_head(message: Message) -> None:
            nonlocal is_streaming
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
            elif message.get("more_body", False):  # perhaps endless: nobody reads it
                is_streaming = True
                answering.cancel()

        answering = asyncio.create_task(self._answer(as_get, receive, send_head), name="HEAD")
        try:
            await answering
        except asyncio.CancelledError:
            if not is_streaming:
                raise
        finally:
            for key in as_get.keys() - scope.keys():  # the route, for the figures
                scope[key] = as_get[key]

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
