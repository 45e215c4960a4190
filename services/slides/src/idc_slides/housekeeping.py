"""What is done now and then: unfinished uploads are dropped, finished ones queued, resting slides closed."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from idc_contracts import utc_now
from idc_slides.errors import SlidesError
from idc_slides.intake.uploads import Uploads
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.records.slides_store import SlidesStore

logger = logging.getLogger(__name__)

EVERY_S: Final = 30.0


class Housekeeping:
    """Run it in a thread."""

    def __init__(
        self, uploads: Uploads, slides: SlidesStore, opened: OpenSlides, *, on_queued: Callable[[], None]
    ) -> None:
        self._uploads, self._slides, self._opened, self._on_queued = uploads, slides, opened, on_queued

    def run(self, stop: Event) -> None:
        """Do it until stopped, at once for the first time: the service may have been killed in the middle."""
        self._try(self.queue_finished)
        while not stop.is_set():
            self._try(self._drop_expired)
            self._opened.close_resting()
            stop.wait(EVERY_S)

    def queue_finished(self) -> None:
        """Queue uploads that are complete and were not queued."""
        for upload in self._uploads.all():
            found = self._uploads.complete(upload)
            if found is not None and self._slides.add([found]):
                self._on_queued()

    def _drop_expired(self) -> None:
        self._uploads.drop_expired(utc_now())

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except (SlidesError, OSError) as exc:
            logger.warning("%s", exc)
