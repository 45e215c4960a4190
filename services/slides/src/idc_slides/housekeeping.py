"""Regular work: drops or queues uploads, drops files and slides, starts a reader ahead."""

import logging
import time
from collections.abc import Callable
from threading import Event
from typing import Final

from idc_contracts import utc_now
from idc_slides.errors import NotFound, SlidesError
from idc_slides.intake.leftovers import drop_leftovers, queue_upload
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.uploads import Uploads
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.reading import SpareWorker
from idc_slides.records.slides_store import SlidesStore

logger = logging.getLogger(__name__)

EVERY_S: Final = 30.0
SWEEP_EVERY_S: Final = 3600.0


class Housekeeping:
    """Run it in a thread."""

    def __init__(
        self,
        files: StoredFiles,
        uploads: Uploads,
        slides: SlidesStore,
        opened: OpenSlides,
        spare: SpareWorker,
        *,
        on_queued: Callable[[], None],
    ) -> None:
        self._files, self._uploads, self._slides = files, uploads, slides
        self._opened, self._spare, self._on_queued = opened, spare, on_queued

    def run(self, stop: Event) -> None:
        """Do it until stopped, at once for the first time: the service may have been killed in the middle."""
        sweep_from_s = time.monotonic()
        while not stop.is_set():
            if time.monotonic() >= sweep_from_s and self._succeeds(self.sweep):
                sweep_from_s = time.monotonic() + SWEEP_EVERY_S
            self._succeeds(lambda: self._uploads.drop_expired(utc_now()))
            self._opened.close_resting()
            self._spare.prepare()
            stop.wait(EVERY_S)

    def sweep(self) -> None:
        """Finish what a kill left: uploads that are complete and not queued, files of slides that were deleted.

        Raises:
            StoreUnavailable: The database does not answer.
            OSError: The files cannot be read.
        """
        for upload in self._uploads.all():
            try:
                queued = queue_upload(self._uploads, self._slides, upload)
            except NotFound:  # it was ended a moment ago
                continue
            if queued is not None and queued[1]:
                self._on_queued()
        drop_leftovers(self._files, self._uploads, self._slides.folders_of_files, utc_now())

    def _succeeds(self, do: Callable[[], object]) -> bool:
        try:
            do()
        except (SlidesError, OSError) as exc:
            logger.warning("%s", exc)
            return False
        return True
