"""The HTTP application, and what runs in its background."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Depends, FastAPI

from idc_gateway.access.key_files import follow_first_key
from idc_gateway.web import problems
from idc_gateway.web.dependencies import authenticated
from idc_gateway.web.head_as_get import HeadAsGet
from idc_gateway.web.lasting_authority import LastingAuthority
from idc_gateway.web.metrics import count_request
from idc_gateway.web.rooms import Gateway
from idc_gateway.web.routes import (
    alarms,
    audit,
    classifications,
    classify,
    events,
    exports,
    folders,
    health,
    keys,
    legacy,
    live,
    metrics,
    model_versions,
    models,
    occlusion,
    page,
    reviews,
    sessions,
    slide_exports,
    slide_images,
    slide_reviews,
    slide_training,
    slide_uploads,
    slides,
    statistics,
    status,
    users,
)
from idc_gateway.web.routes.known_parameters import only_known_parameters
from idc_gateway.web.routes.lean_upload import lean_upload_route
from idc_gateway.web.routes.schemas import Problem
from idc_gateway.web.security_headers import security_headers
from idc_gateway.web.small_bodies import SmallBodies
from idc_servicekit.access_log import AccessLog
from idc_servicekit.tracing import TracingMiddleware

logger = logging.getLogger(__name__)

DESCRIPTION: Final = (
    "Screens patches of breast tissue for invasive ductal carcinoma (IDC). "
    "**For research use only. Not a medical device.**"
)
END_TIMEOUT_S: Final = 5.0
"""How long the shutdown waits for background tasks: a database that hangs must not delay it."""
_PROBLEM: Final = {
    "description": "What is wrong and the remedy (RFC 9457)",
    "content": {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
}


def create_app(gateway: Gateway | None) -> FastAPI:
    """The HTTP application; without a gateway it can only describe itself."""
    app = FastAPI(
        title="IDC Sentinel",
        version=version("idc-gateway"),
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
        generate_unique_id_function=lambda route: route.name,
        # `TracingMiddleware` creates the spans, in every service in the same way and with the request's id.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.gateway = gateway
    _add_routes(app)
    problems.install(app)
    app.add_middleware(LastingAuthority)
    app.add_middleware(SmallBodies, except_paths=classify.UPLOAD_PATHS, except_prefixes=(slide_uploads.PREFIX,))
    app.add_middleware(HeadAsGet)
    app.add_middleware(TracingMiddleware)
    app.add_middleware(
        AccessLog,
        quiet_prefixes=("/livez", "/readyz", "/metrics", "/static/", "/page/", "/swagger-ui/", "/api/v1/alarms"),
        headers_for=security_headers,
        on_end=count_request,
    )
    return app


def _add_routes(app: FastAPI) -> None:
    # A key is required by default: routes outside of this router are public on purpose.
    with_key = APIRouter(prefix="/api", dependencies=[Depends(authenticated), Depends(only_known_parameters)])
    for module in (
        classify,
        exports,
        classifications,
        reviews,
        folders,
        events,
        live,
        slides,
        slide_uploads,
        slide_images,
        slide_exports,
        slide_reviews,
        slide_training,
        occlusion,
        models,
        model_versions,
        statistics,
        alarms,
        audit,
        status,
        keys,
        users,
        sessions,
    ):
        with_key.include_router(module.router, prefix="/v1")
    app.router.routes.append(lean_upload_route(classify.router))
    app.include_router(with_key)
    app.include_router(legacy.router, prefix="/api")  # it checks the key itself, unless a setting opens it
    app.include_router(sessions.sign_in_router, prefix="/api/v1")
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    page.mount_static_files(app)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    gateway: Gateway = app.state.gateway

    access, alarms, messages, results = gateway.access, gateway.alarms, gateway.messages, gateway.results

    def receive(topic: str, payload: bytes) -> asyncio.Future[None] | None:
        alarms.board.receive(topic, payload)
        return alarms.actions.receive(topic, payload)

    tasks = {
        "inference": gateway.inference.run(),
        "bus": messages.bus.run(messages.outbox.on_connected, receive),
        "outbox": messages.outbox.run(),
        "backlog": messages.backlog.run(),
        "alarm actions": alarms.actions.run(),
        "housekeeping": results.housekeeping.run(),
        "running requests": access.running.run(),
        "first key": follow_first_key(access.keyring, gateway.settings.first_api_key_file),
        "image deletions": results.deletions.run(),
        "certificates": gateway.certificates.run(),
        "live": gateway.live.run(),
    }
    if gateway.slides is not None:
        tasks["screened slides"] = gateway.slides.follower.run()
    background = [asyncio.create_task(task, name=name) for name, task in tasks.items()]
    for task in background:
        task.add_done_callback(_stop_where_it_failed)
    yield
    for task in background:
        task.cancel()
    await asyncio.wait(background, timeout=END_TIMEOUT_S)
    await gateway.inference.close()
    if gateway.slides is not None:
        await gateway.slides.connection.close()
    gateway.store.leadership.release()
    gateway.store.database.close()


def _stop_where_it_failed(task: asyncio.Task[None]) -> None:
    # Results that are accepted and never published would be an alarm that fails silently: better to stop visibly and be
    # started again. Accepted results are in the store.
    if not task.cancelled() and (error := task.exception()):
        logger.critical("the task %s failed: the gateway stops", task.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)
