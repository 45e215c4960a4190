"""Puts the gateway together; the only place that knows all its parts."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Depends, FastAPI

from idc_gateway.access.accesses import Accesses
from idc_gateway.access.failed_sign_ins import FailedSignIns
from idc_gateway.access.first_key import follow_first_key
from idc_gateway.access.keys import FileKey, Keyring
from idc_gateway.access.known_devices import KnownDevices
from idc_gateway.access.running_requests import RunningRequests
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.access.throttle import RequestRates, SignInThrottle
from idc_gateway.access.users import Users
from idc_gateway.alarms.actions import AlarmActions
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.audit.chain_check import ChainCheck
from idc_gateway.classifying.classifying import Classifying
from idc_gateway.classifying.result_writer import ResultWriter
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.inference.coalescing import CALLS_PER_SERVER, Coalescing
from idc_gateway.inference.credentials import KeyFromFile, trusted_by
from idc_gateway.inference.endpoint import Endpoint
from idc_gateway.inference.oip_inference import OipInference
from idc_gateway.inference.ports import InferenceServer
from idc_gateway.messages.backlog import Backlog, BacklogLimits
from idc_gateway.messages.mqtt_bus import MqttBus
from idc_gateway.messages.outbox import IDLE_S, SHARED_IDLE_S, Outbox
from idc_gateway.messages.ports import Bus
from idc_gateway.results.feed import Feed
from idc_gateway.results.housekeeping import Housekeeping
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.images import ImageStore
from idc_gateway.results.object_images import S3Account, open_images
from idc_gateway.results.retention import Retention, RetentionLimits
from idc_gateway.results.watched_images import WatchedImages
from idc_gateway.settings import GatewaySettings
from idc_gateway.shared_check import SharedCheck
from idc_gateway.sql.database import with_password
from idc_gateway.store import Store, open_store
from idc_gateway.web import problems
from idc_gateway.web.dependencies import Gateway, authenticated, identified_again
from idc_gateway.web.head_as_get import HeadAsGet
from idc_gateway.web.lasting_authority import LastingAuthority
from idc_gateway.web.metrics import PrometheusMeter, count_request
from idc_gateway.web.routes import (
    alarms,
    audit,
    classifications,
    classify,
    events,
    exports,
    health,
    keys,
    legacy,
    metrics,
    models,
    page,
    reviews,
    sessions,
    status,
    users,
)
from idc_gateway.web.routes.known_parameters import only_known_parameters
from idc_gateway.web.routes.lean_upload import lean_upload_route
from idc_gateway.web.routes.schemas import Problem
from idc_gateway.web.security_headers import security_headers
from idc_gateway.web.small_bodies import SmallBodies
from idc_servicekit.access_log import AccessLog
from idc_servicekit.body_budget import BodyBudget
from idc_servicekit.tracing import Traced

logger = logging.getLogger(__name__)

DESCRIPTION: Final = (
    "Screens patches of breast tissue for invasive ductal carcinoma (IDC). "
    "**For research use only. Not a medical device.**"
)
STORE_TIMEOUT_S: Final = 3.0
"""So long a look at the database may take before it counts as failed."""
END_TIMEOUT_S: Final = 5.0
"""So long the end waits for the last words of background tasks: a database that hangs must not hold it up."""
_PROBLEM: Final = {
    "description": "What is wrong and what helps (RFC 9457)",
    "content": {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
}


def build(
    settings: GatewaySettings,
    *,
    store: Store | None = None,
    images: ImageStore | None = None,
    servers: Mapping[str, InferenceServer] | None = None,
    bus: Bus | None = None,
) -> Gateway:
    """The gateway's parts, not running yet; what is not given is made as the settings say.

    Raises:
        OSError: The database or the image store cannot be opened, or the first API key cannot be read.
        ValueError: The first API key is too short.
    """
    store = store or open_store(_database_url(settings))
    database = store.database
    images = images or open_image_store(settings)
    watched = None if images is None else WatchedImages(images)
    servers = servers or _inference_servers(settings)
    inference = BalancedInference(
        [Endpoint(url, server) for url, server in servers.items()], timeout_s=settings.inference_timeout_s
    )
    bus = bus or MqttBus(settings.mqtt, site=settings.site, device=settings.device, version=version("idc-gateway"))
    keyring = Keyring(store.accounts, device=settings.device)
    keyring.take_first_key(settings.first_api_key_file)
    outbox = Outbox(store.outbox, bus, store.leadership, idle_s=SHARED_IDLE_S if settings.database_url else IDLE_S)
    backlog = Backlog(
        store.outbox, BacklogLimits(settings.outbox_max_messages, timedelta(hours=settings.outbox_max_age_h))
    )
    alarms = AlarmBoard(on_session_lost=outbox.send_latest_again)
    meter = PrometheusMeter()
    meter.show(bus=bus, inference=inference, backlog=backlog, alarms=alarms)
    sessions = BrowserSessions(
        store.sessions,
        lifetime=timedelta(hours=settings.session_lifetime_h),
        idle=timedelta(minutes=settings.session_idle_min),
    )
    writer = ResultWriter(store.results, store.images, watched, site=settings.site, device=settings.device)
    return Gateway(
        settings=settings,
        store=store,
        store_check=SharedCheck(lambda: database.check(), timeout_s=STORE_TIMEOUT_S),  # noqa: PLW0108 - as it is then
        inference=inference,
        bus=bus,
        outbox=outbox,
        classifying=Classifying(
            store.results,
            store.receipts,
            Coalescing(
                inference.predict,
                calls_at_once=CALLS_PER_SERVER * len(servers),
                timeout_s=settings.inference_timeout_s,
            ).predict,
            outbox,
            writer,
            backlog,
            on_stored=lambda result: meter.result(result.decision),
            max_in_progress=settings.max_requests_in_progress,
            max_image_bytes=settings.max_image_bytes,
        ),
        keyring=keyring,
        alarms=alarms,
        bodies=BodyBudget(
            max_body_bytes=settings.max_body_bytes,
            max_total_bytes=settings.max_total_body_bytes,
            timeout_s=settings.body_timeout_s,
            overdraft_bytes=settings.part_bytes + settings.max_image_bytes,
        ),
        images=watched,
        writer=writer,
        backlog=backlog,
        feed=Feed(store.results),
        actions=AlarmActions(store.audit),
        housekeeping=Housekeeping(
            store.receipts, store.leadership, _retention(settings, store) if images is not None else None
        ),
        image_deletions=ImageDeletions(store.images, watched, writer.abandon_unsettled),
        chain_check=ChainCheck(store.audit),
        users=Users(store.accounts, device=settings.device, site=settings.site),
        sessions=sessions,
        sign_ins=SignInThrottle(),
        failed_sign_ins=FailedSignIns(),
        devices=KnownDevices(),
        running=RunningRequests(partial(identified_again, keyring, sessions)),
        accesses=Accesses(store.audit),
        rates=RequestRates(settings.requests_per_minute),
        meter=meter,
        exposition=meter.exposition,
        metrics_key=FileKey(settings.metrics_key_file),
    )


def _database_url(settings: GatewaySettings) -> str:
    if settings.database_url is None:
        return f"sqlite:///{settings.data_dir / 'gateway.sqlite3'}"
    url = settings.database_url.get_secret_value()
    if settings.database_password_file is None:
        return url
    return with_password(url, settings.database_password_file.read_text().strip())


def open_image_store(settings: GatewaySettings) -> ImageStore | None:
    """The image store that the settings name; None where none are stored.

    Raises:
        OSError: It cannot be opened.
    """
    if not settings.store_images:
        return None
    secret_file = settings.s3_secret_access_key_file
    account = S3Account(
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key_id=settings.s3_access_key_id,
        secret_access_key=secret_file.read_text().strip() if secret_file else "",
    )
    return open_images(settings.images_url or f"file://{(settings.data_dir / 'images').absolute()}", account)


def _inference_servers(settings: GatewaySettings) -> dict[str, InferenceServer]:
    # read only where a server is reached by HTTPS
    is_remote = any(url.scheme == "https" for url in settings.inference_urls)
    trust = trusted_by(settings.inference_ca_file) if is_remote else None
    key = KeyFromFile(settings.inference_key_file) if settings.inference_key_file else None
    return {
        str(url): OipInference(str(url), settings.model_name, trust=trust, key=key) for url in settings.inference_urls
    }


def _retention(settings: GatewaySettings, store: Store) -> Retention:
    limits = RetentionLimits(
        timedelta(days=settings.image_retention_days), max_bytes=int(settings.image_retention_gb * 1e9)
    )
    return Retention(store.images, limits)


def create_app(gateway: Gateway | None) -> FastAPI:
    """The HTTP application; None makes one that can only describe itself."""
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
        # `Traced` makes the spans, in every service in the same way and with the request's id.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.gateway = gateway
    _add_routes(app)
    problems.install(app)
    app.add_middleware(LastingAuthority)
    app.add_middleware(SmallBodies, except_paths=classify.UPLOAD_PATHS)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Traced)
    app.add_middleware(
        AccessLog,
        quiet_prefixes=("/livez", "/readyz", "/metrics", "/static/", "/swagger-ui/", "/api/v1/alarms"),
        headers_for=security_headers,
        on_end=count_request,
    )
    return app


def _add_routes(app: FastAPI) -> None:
    # A key is needed by default: what stands outside of this router is public on purpose.
    with_key = APIRouter(prefix="/api", dependencies=[Depends(authenticated), Depends(only_known_parameters)])
    for module in (
        classify,
        exports,
        classifications,
        reviews,
        events,
        models,
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
    app.include_router(legacy.router, prefix="/api")  # it asks for a key by itself, unless a setting opens it
    app.include_router(sessions.sign_in_router, prefix="/api/v1")
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    page.mount_static_files(app)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    gateway: Gateway = app.state.gateway

    def take(topic: str, payload: bytes) -> asyncio.Future[None] | None:
        gateway.alarms.take(topic, payload)
        return gateway.actions.take(topic, payload)

    background = [
        asyncio.create_task(gateway.inference.run(), name="inference"),
        asyncio.create_task(gateway.bus.run(gateway.outbox.on_connected, take), name="bus"),
        asyncio.create_task(gateway.outbox.run(), name="outbox"),
        asyncio.create_task(gateway.backlog.run(), name="backlog"),
        asyncio.create_task(gateway.actions.run(), name="alarm actions"),
        asyncio.create_task(gateway.housekeeping.run(), name="housekeeping"),
        asyncio.create_task(gateway.running.run(), name="running requests"),
        asyncio.create_task(follow_first_key(gateway.keyring, gateway.settings.first_api_key_file), name="first key"),
        asyncio.create_task(gateway.image_deletions.run(), name="image deletions"),
    ]
    for task in background:
        task.add_done_callback(_stop_where_it_failed)
    yield
    for task in background:
        task.cancel()
    await asyncio.wait(background, timeout=END_TIMEOUT_S)
    await gateway.inference.close()
    gateway.store.leadership.release()
    gateway.store.database.close()


def _stop_where_it_failed(task: asyncio.Task[None]) -> None:
    # Results that are accepted and never published would be an alarm that fails silently: better to end, be seen and
    # be started again. What was accepted is in the store.
    if not task.cancelled() and (error := task.exception()):
        logger.critical("the task %s failed: the gateway stops", task.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)
