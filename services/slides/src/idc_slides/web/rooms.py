"""The running service: what its rooms offer to routes."""

from collections.abc import Callable
from dataclasses import dataclass

from idc_slides.housekeeping import Housekeeping
from idc_slides.intake.bucket import Bucket
from idc_slides.intake.folder_watch import FolderWatch
from idc_slides.intake.slide_files import SlideFiles
from idc_slides.intake.uploads import Uploads
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.jobs.workers import Workers
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.pictures.tissue_pictures import TissuePictures
from idc_slides.reading import SpareWorker
from idc_slides.records.screened_store import ScreenedStore
from idc_slides.records.slides_store import SlidesStore
from idc_slides.reviews.reviewing import Reviewing
from idc_slides.scoring.inference_client import InferenceClient
from idc_slides.settings import SlidesSettings
from idc_slides.sql.database import Database
from idc_slides.web.metrics import Metrics


@dataclass
class Rooms:
    settings: SlidesSettings
    database: Database
    slides: SlidesStore
    screened: ScreenedStore
    folder: WatchedFolder
    watch: FolderWatch
    uploads: Uploads
    bucket: Bucket
    files: SlideFiles
    inference: InferenceClient
    spare: SpareWorker
    workers: Workers
    reviewing: Reviewing
    opened: OpenSlides
    pictures: TissuePictures
    metrics: Metrics
    housekeeping: Housekeeping
    on_queued: Callable[[], None]
    """To be called after a slide was queued."""
