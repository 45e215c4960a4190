"""Builds the service's rooms from its settings."""

import ssl
from datetime import timedelta
from pathlib import Path

import httpx

from idc_servicekit.sql.engine import with_password
from idc_slides.housekeeping import Housekeeping
from idc_slides.intake.bucket import Bucket, s3_config
from idc_slides.intake.folder_watch import FolderWatch
from idc_slides.intake.slide_files import SlideFiles
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.uploads import Uploads
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.jobs.screening import Screening, ScreeningOptions
from idc_slides.jobs.workers import Workers
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.pictures.tissue_pictures import TissuePictures
from idc_slides.reading import Limits, SlideFile, SpareWorker
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.reviews_store import ReviewsStore
from idc_slides.records.screened_store import ScreenedStore
from idc_slides.records.slides_store import SlidesStore
from idc_slides.reviews.reviewing import Reviewing
from idc_slides.scoring.inference_client import InferenceClient
from idc_slides.settings import SlidesSettings
from idc_slides.sql.database import open_database
from idc_slides.web.metrics import Metrics
from idc_slides.web.rooms import Rooms

GB = 10**9
MIB = 1024 * 1024
REST_S = 120.0
"""How long a slide stays open for the viewer without use."""


def build(settings: SlidesSettings, *, transport: httpx.BaseTransport | None = None) -> Rooms:
    """The service's rooms, not running yet.

    Args:
        settings: The settings.
        transport: Another way to inference, for tests.

    Raises:
        OSError: The database or a file of the settings cannot be opened.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(_database_url(settings))
    slides, queue, cells = SlidesStore(database), QueueStore(database), CellsStore(database)
    files = StoredFiles(settings.data_dir / "files", max_bytes=int(settings.stored_gb * GB))
    folder, bucket = WatchedFolder(settings.folder), _bucket(settings)
    slide_files = SlideFiles(folder, files, bucket)
    uploads = Uploads(
        files, max_bytes=int(settings.max_upload_gb * GB), lifetime=timedelta(hours=settings.upload_lifetime_h)
    )
    inference = _inference(settings, transport)
    limits = Limits(
        memory_bytes=settings.reader_memory_mb * MIB,
        # the process's start is part of opening, and takes its time on a busy machine
        open_timeout_s=2 * settings.reader_timeout_s,
        read_timeout_s=settings.reader_timeout_s,
    )
    spare = SpareWorker(limits)
    options = ScreeningOptions(settings.batch_patches, settings.requests_of_a_slide, settings.minimum_idc_mm2)

    def open_slide(path: Path) -> SlideFile:
        return SlideFile.open(path, limits, spare=spare)

    workers = Workers(
        Screening(slide_files, queue, cells, inference, open_slide, options), queue, folder, count=settings.workers
    )
    if not database.is_shared:
        queue.free_all()
    opened = OpenSlides(open_slide, most=settings.open_slides, rest_s=REST_S)
    reviewing = Reviewing(slides, cells, ReviewsStore(database), minimum_idc_mm2=settings.minimum_idc_mm2)
    return Rooms(
        settings=settings,
        database=database,
        slides=slides,
        screened=ScreenedStore(database),
        folder=folder,
        watch=FolderWatch(folder, slides, settle_s=settings.folder_settle_s, on_new=workers.wake),
        uploads=uploads,
        bucket=bucket,
        files=slide_files,
        inference=inference,
        spare=spare,
        workers=workers,
        reviewing=reviewing,
        opened=opened,
        pictures=TissuePictures(slides, slide_files, opened, cache_bytes=settings.tile_cache_mb * MIB),
        metrics=Metrics(slides.count_by_state),
        housekeeping=Housekeeping(files, uploads, slides, opened, spare, on_queued=workers.wake),
        on_queued=workers.wake,
    )


def _bucket(settings: SlidesSettings) -> Bucket:
    secret_file = settings.s3_secret_access_key_file
    config = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": _secret(secret_file) if secret_file else "",
    }
    return Bucket(settings.s3_allowed, s3_config(config), max_bytes=int(settings.max_upload_gb * GB))


def _inference(settings: SlidesSettings, transport: httpx.BaseTransport | None) -> InferenceClient:
    ca_file = settings.inference_ca_file
    is_remote = any(url.scheme == "https" for url in settings.inference_urls)
    trust = ssl.create_default_context(cafile=str(ca_file)) if is_remote and ca_file else True
    return InferenceClient(
        [str(url) for url in settings.inference_urls],
        settings.model_name,
        requests_at_once=settings.requests_at_once,
        timeout_s=settings.inference_timeout_s,
        trust=trust,
        key_file=settings.inference_key_file,
        transport=transport,
    )


def _database_url(settings: SlidesSettings) -> str:
    if settings.database_url is None:
        return f"sqlite:///{settings.data_dir / 'slides.sqlite3'}"
    url = settings.database_url.get_secret_value()
    if settings.database_password_file is None:
        return url
    return with_password(url, _secret(settings.database_password_file))


def _secret(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
