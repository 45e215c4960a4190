"""Builds the gateway's rooms from its settings."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from idc_gateway.access.key_files import FileKey, read_key
from idc_gateway.access.keys import Keyring
from idc_gateway.access.running_requests import RunningRequests
from idc_gateway.access.sessions import BrowserSessions
from idc_gateway.access.sign_ins import SignIns
from idc_gateway.access.throttle import RequestRates
from idc_gateway.access.users import Users
from idc_gateway.access.view_log import ViewLog
from idc_gateway.alarms.actions import AlarmActions
from idc_gateway.alarms.board import AlarmBoard
from idc_gateway.alarms.commands import AlarmCommands
from idc_gateway.audit.chain_check import ChainCheck
from idc_gateway.certificates import Certificates, Place
from idc_gateway.classifying.classifying import Classifying
from idc_gateway.classifying.result_writer import ResultWriter
from idc_gateway.drift.drift import Drift
from idc_gateway.drift.image_measures import ImageMeasures
from idc_gateway.drift.latest_store import LatestStore
from idc_gateway.inference.balanced import BalancedInference
from idc_gateway.inference.coalescing import CALLS_PER_SERVER, Coalescing
from idc_gateway.inference.credentials import KeyFromFile, trusted_by
from idc_gateway.inference.endpoint import Endpoint
from idc_gateway.inference.oip_inference import OipInference
from idc_gateway.inference.ports import InferenceServer
from idc_gateway.live.folder_watch import FolderWatch
from idc_gateway.live.live import Live
from idc_gateway.live.slide_watch import SlideWatch
from idc_gateway.live.watches import AlarmWatch
from idc_gateway.messages.backlog import Backlog
from idc_gateway.messages.mqtt_bus import MqttBus
from idc_gateway.messages.outbox import IDLE_S, SHARED_IDLE_S, Outbox
from idc_gateway.messages.ports import Bus
from idc_gateway.occlusion.explaining import Explaining
from idc_gateway.results.feed import Feed
from idc_gateway.results.housekeeping import Housekeeping
from idc_gateway.results.image_deletions import ImageDeletions
from idc_gateway.results.images import ImageStore
from idc_gateway.results.object_images import open_images
from idc_gateway.results.retention import Retention
from idc_gateway.results.reviewing import Reviewing
from idc_gateway.results.stored_images import read_image
from idc_gateway.results.watched_images import WatchedImages
from idc_gateway.settings import GatewaySettings
from idc_gateway.shared_check import SharedCheck
from idc_gateway.slides.connection import SlidesConnection
from idc_gateway.slides.follower import ScreenedFollower
from idc_gateway.store import Store, open_store
from idc_gateway.web.metrics import Metrics
from idc_gateway.web.rooms import Access, Alarms, Audit, Gateway, Messages, Results, Slides
from idc_gateway.web.routes.alarms import AlarmList
from idc_gateway.web.routes.folders import FolderItem
from idc_servicekit.body_budget import BodyBudget
from idc_servicekit.sql.engine import with_password

MAX_SLIDE_BYTES: Final = 2**40
"""No slide is larger. An upload takes no memory here, and the slides service has its own, smaller limit."""
STORE_TIMEOUT_S: Final = 3.0
"""How long a check of the database may take before it counts as failed."""


def build(
    settings: GatewaySettings,
    *,
    store: Store | None = None,
    images: ImageStore | None = None,
    servers: Mapping[str, InferenceServer] | None = None,
    bus: Bus | None = None,
) -> Gateway:
    """The gateway's rooms, not running yet; parts that are not given are created from the settings.

    Raises:
        OSError: The database or the image store cannot be opened, or the first API key cannot be read.
        ValueError: The first API key is too short.
    """
    store = store or open_store(_database_url(settings))
    images = images or open_image_store(settings)
    watched = None if images is None else WatchedImages(images)
    writer = ResultWriter(store.results, store.images, watched, site=settings.site, device=settings.device)
    inference = _inference(settings, servers or _inference_servers(settings))
    messages = _messages(settings, store, bus)
    alarms = _alarms(settings, store, messages)
    slides = _slides(settings, store, messages)
    metrics = Metrics(messages.bus, inference, messages.backlog, alarms.board)
    return Gateway(
        settings=settings,
        store=store,
        store_check=SharedCheck(lambda: store.database.check(), timeout_s=STORE_TIMEOUT_S),  # noqa: PLW0108 - tests set it
        access=_access(settings, store),
        audit=Audit(store.audit, ChainCheck(store.audit)),
        alarms=alarms,
        messages=messages,
        inference=inference,
        explaining=Explaining(inference.predict),
        results=_results(settings, store, watched, writer),
        classifying=_classifying(settings, store, inference, messages, writer, metrics),
        drift=_drift(store, watched),
        certificates=Certificates(_places(settings)),
        slides=slides,
        live=_live(store, alarms, messages, slides),
        bodies=BodyBudget(
            max_body_bytes=settings.max_body_bytes,
            max_total_bytes=settings.max_total_body_bytes,
            timeout_s=settings.body_timeout_s,
            overdraft_bytes=settings.part_bytes + settings.max_image_bytes,
        ),
        metrics=metrics,
    )


def _access(settings: GatewaySettings, store: Store) -> Access:
    keyring = Keyring(store.accounts, device=settings.device)
    keyring.set_first_key(read_key(settings.first_api_key_file))
    users = Users(store.accounts, device=settings.device, site=settings.site)
    sessions = BrowserSessions(
        store.sessions,
        lifetime=timedelta(hours=settings.session_lifetime_h),
        idle=timedelta(minutes=settings.session_idle_min),
    )
    return Access(
        keyring=keyring,
        users=users,
        sessions=sessions,
        sign_ins=SignIns(keyring, users, store.audit),
        running=RunningRequests(keyring.holder, sessions.holder),
        rates=RequestRates(settings.requests_per_minute),
        views=ViewLog(store.audit),
        metrics_key=FileKey(settings.metrics_key_file),
    )


def _messages(settings: GatewaySettings, store: Store, bus: Bus | None) -> Messages:
    bus = bus or MqttBus(settings.mqtt, site=settings.site, device=settings.device, version=version("idc-gateway"))
    max_age = timedelta(hours=settings.outbox_max_age_h)
    backlog = Backlog(store.outbox, max_messages=settings.outbox_max_messages, max_age=max_age)
    idle_s = SHARED_IDLE_S if settings.database_url else IDLE_S
    return Messages(bus, Outbox(store.outbox, bus, store.leadership, idle_s=idle_s), backlog)


def _alarms(settings: GatewaySettings, store: Store, messages: Messages) -> Alarms:
    board = AlarmBoard(on_session_lost=messages.outbox.send_latest_again)
    commands = AlarmCommands(board, messages.bus, messages.outbox, store.results, store.receipts, site=settings.site)
    return Alarms(board, AlarmActions(store.audit), commands)


def _results(settings: GatewaySettings, store: Store, images: WatchedImages | None, writer: ResultWriter) -> Results:
    max_age, max_bytes = timedelta(days=settings.image_retention_days), int(settings.image_retention_gb * 1e9)
    retention = None if images is None else Retention(store.images, max_age=max_age, max_bytes=max_bytes)
    return Results(
        store=store.results,
        reviewing=Reviewing(store.reviews, store.results, store.receipts),
        index=store.images,
        images=images,
        deletions=ImageDeletions(store.images, images, writer.abandon_unsettled),
        housekeeping=Housekeeping(store.receipts, store.leadership, retention, store.folder_results),
        feed=Feed(store.results),
    )


def _classifying(
    settings: GatewaySettings,
    store: Store,
    inference: BalancedInference,
    messages: Messages,
    writer: ResultWriter,
    metrics: Metrics,
) -> Classifying:
    coalescing = Coalescing(
        inference.predict,
        calls_at_once=CALLS_PER_SERVER * len(inference.endpoints),
        timeout_s=settings.inference_timeout_s,
    )
    return Classifying(
        store.results,
        store.receipts,
        coalescing.predict,
        messages.outbox,
        writer,
        messages.backlog,
        on_stored=lambda result: metrics.result(result.decision, result.reasons),
        max_in_progress=settings.max_requests_in_progress,
        max_image_bytes=settings.max_image_bytes,
    )


def _drift(store: Store, images: WatchedImages | None) -> Drift:
    def read(sha256: str) -> bytes | None:
        image = read_image(store.images, images, sha256)
        return None if image is None else image[0]

    return Drift(LatestStore(store.database), ImageMeasures(read))


def _places(settings: GatewaySettings) -> list[Place]:
    """Who shows a certificate to this gateway or, at its public address, in front of it."""
    broker = Place("the broker", settings.mqtt.host, settings.mqtt.port, settings.mqtt.tls_context)
    servers = [(f"the inference server {url.host}", url, settings.inference_ca_file) for url in settings.inference_urls]
    by_https = [*servers, ("this page", settings.public_url, None)]
    return [broker] + [
        Place(name, url.host, url.port or 443, partial(trusted_by, ca_file))
        for name, url, ca_file in by_https
        if url.scheme == "https" and url.host
    ]


def _slides(settings: GatewaySettings, store: Store, messages: Messages) -> Slides | None:
    if settings.slides_url is None:
        return None
    connection = SlidesConnection(str(settings.slides_url))
    follower = ScreenedFollower(
        connection,
        store.screened,
        messages.outbox,
        messages.backlog,
        store.leadership,
        site=settings.site,
        device=settings.device,
    )
    uploads = BodyBudget(max_body_bytes=MAX_SLIDE_BYTES, max_total_bytes=1, timeout_s=settings.body_timeout_s)
    return Slides(connection, follower, uploads)


def _live(store: Store, alarms: Alarms, messages: Messages, slides: Slides | None) -> Live:
    def all_alarms() -> str:
        return AlarmList.of(alarms.board.all(), broker_connected=messages.bus.is_connected).model_dump_json()

    folders = FolderWatch(store.folders, lambda folder: FolderItem.of(folder).model_dump_json())
    reports = AlarmWatch(all_alarms)
    watches = (reports, folders) if slides is None else (reports, folders, SlideWatch(slides.connection))
    live = Live(lambda: ("alarms", all_alarms()), watches)
    alarms.board.on_change = partial(live.look_soon, reports)
    return live


def _inference(settings: GatewaySettings, servers: Mapping[str, InferenceServer]) -> BalancedInference:
    endpoints = [Endpoint(url, server) for url, server in servers.items()]
    return BalancedInference(endpoints, timeout_s=settings.inference_timeout_s)


def _inference_servers(settings: GatewaySettings) -> dict[str, InferenceServer]:
    # Only read where a server is reached by HTTPS.
    is_remote = any(url.scheme == "https" for url in settings.inference_urls)
    trust = trusted_by(settings.inference_ca_file) if is_remote else None
    key = KeyFromFile(settings.inference_key_file) if settings.inference_key_file else None
    return {
        str(url): OipInference(str(url), settings.model_name, trust=trust, key=key) for url in settings.inference_urls
    }


def _database_url(settings: GatewaySettings) -> str:
    if settings.database_url is None:
        return f"sqlite:///{settings.data_dir / 'gateway.sqlite3'}"
    url = settings.database_url.get_secret_value()
    if settings.database_password_file is None:
        return url
    return with_password(url, settings.database_password_file.read_text().strip())


def open_image_store(settings: GatewaySettings) -> ImageStore | None:
    """The image store that the settings name; None where images are not stored. Raises OSError."""
    if not settings.store_images:
        return None
    secret_file = settings.s3_secret_access_key_file
    s3 = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": secret_file.read_text().strip() if secret_file else "",
    }
    url = settings.images_url or f"file://{(settings.data_dir / 'images').absolute()}"
    return open_images(url, {name: value for name, value in s3.items() if value})  # type: ignore[arg-type]
