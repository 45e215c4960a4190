"""The HTTP application, and what runs in its background."""

import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from threading import Event, Thread
from typing import Final

from anyio import to_thread
from fastapi import FastAPI

from idc_servicekit.access_log import AccessLog
from idc_servicekit.tracing import TracingMiddleware
from idc_slides.web import problems
from idc_slides.web.metrics import count_request
from idc_slides.web.rooms import Rooms
from idc_slides.web.routes import cells, health, pictures, reviews, slides, training, uploads

logger = logging.getLogger(__name__)

SERVER: Final = ((b"server", f"idc-slides/{version('idc-slides')}".encode()),)
"""In each answer: the gateway's status shows it."""


def create_app(rooms: Rooms) -> FastAPI:
    app = FastAPI(
        title="IDC Sentinel: slides",
        version=version("idc-slides"),
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.rooms = rooms
    # Uploads and DeepZoom first: `/slides/{slide_id}` would take their paths.
    for module in (health, uploads, pictures, cells, reviews, training, slides):
        app.include_router(module.router)
    problems.install(app)
    app.add_middleware(TracingMiddleware)
    app.add_middleware(
        AccessLog,
        quiet_prefixes=("/livez", "/readyz", "/metrics", "/screened"),
        headers_for=lambda _scope: SERVER,
        on_end=count_request,
    )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    rooms: Rooms = app.state.rooms
    stop = Event()
    threads = [
        _thread("watched folder", lambda: rooms.watch.run(stop, rooms.settings.folder_poll_s)),
        _thread("housekeeping", lambda: rooms.housekeeping.run(stop)),
    ]
    for thread in threads:
        thread.start()
    rooms.workers.start()
    yield
    stop.set()
    rooms.spare.close()
    await to_thread.run_sync(rooms.workers.stop)
    rooms.opened.close()
    rooms.inference.close()
    rooms.database.close()


def _thread(name: str, run: Callable[[], None]) -> Thread:
    def run_or_stop() -> None:
        try:
            run()
        except Exception:
            # Slides that are accepted and never screened would be a silent failure: better to stop visibly.
            logger.critical("the task %s failed: the service stops", name, exc_info=True)
            signal.raise_signal(signal.SIGTERM)

    return Thread(target=run_or_stop, name=name, daemon=True)
