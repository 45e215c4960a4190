"""Runs the application, and ends it without losing a request."""

import asyncio
import logging
import signal
import socket
from types import FrameType
from typing import Final

import uvicorn
from starlette.applications import Starlette

from idc_inference.settings import InferenceSettings
from idc_inference.threads.process_end import end_within
from idc_inference.web.runtime import Runtime
from idc_servicekit.bounded_http import KEEP_ALIVE_S, BoundedHttpProtocol
from idc_servicekit.quiet_server import QuietServer

logger = logging.getLogger(__name__)

END_MARGIN_S: Final = 6.0
"""For closing the device, after the requests in progress."""


class DrainingServer(QuietServer):
    """At the first signal, ready turns false; requests are still taken until their senders have noticed."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime, drain_delay_s: float) -> None:
        super().__init__(config, tick_s=60)  # there is no `Date` header to renew
        self._runtime, self._drain_delay_s = runtime, drain_delay_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Keep the loop for the signal handler."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to end; a second signal ends at once.

        uvicorn's own handler raises the signal again at the end, before the device is closed.
        """
        if self._loop is None or not self._runtime.is_ready:
            self.should_exit = self.force_exit = True
            return
        self._runtime.is_ready = False
        end_within(self._drain_delay_s + (self.config.timeout_graceful_shutdown or 0) + END_MARGIN_S)
        logger.info("signal %s: no longer ready, ending in %g s", signal.Signals(sig).name, self._drain_delay_s)
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_delay_s, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def serve(app: Starlette, settings: InferenceSettings) -> None:
    """Serve until a signal ends it."""
    DrainingServer(server_config(app, settings), app.state.runtime, settings.drain_delay_s).run()


def server_config(app: Starlette, settings: InferenceSettings) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        date_header=False,
        timeout_graceful_shutdown=settings.drain_timeout_s,
    )
