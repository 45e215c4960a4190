"""The workers: each takes a slide of the queue, screens it, and takes the next."""

import logging
import time
from contextlib import suppress
from threading import Event, Thread
from typing import Final
from uuid import uuid4

from idc_contracts import utc_now
from idc_contracts.slides import Slide, SlideFailure, SlideState
from idc_slides.errors import FolderUnavailable, Interrupted, LeaseLost, SlideFailed, StoreUnavailable
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.jobs.lease import Lease
from idc_slides.jobs.screening import Screening
from idc_slides.reading import NeedsScale, SlideUnreadable
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.slides import StoredSlide, waiting_again

logger = logging.getLogger(__name__)

IDLE_S: Final = 2.0
"""How long a worker waits before it looks again: another service may have queued a slide."""
MAX_ATTEMPTS: Final = 3
"""A slide that was begun so often without coming further ends its worker: it is not begun again."""
END_TIMEOUT_S: Final = 8.0


class Workers:
    def __init__(self, screening: Screening, queue: QueueStore, folder: WatchedFolder, *, count: int) -> None:
        """Prepare the threads; `start` starts them."""
        self._screening, self._queue, self._folder = screening, queue, folder
        self._folder_is_away = False
        self._stopping, self._news = Event(), Event()
        self._threads = [Thread(target=self._run, name=f"worker {number}", daemon=True) for number in range(count)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell that a slide was queued."""
        self._news.set()

    def stop(self) -> None:
        """End; slides that are not through go back into the queue."""
        self._stopping.set()
        self._news.set()
        deadline_s = time.monotonic() + END_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _run(self) -> None:
        owner = uuid4().hex
        while not self._stopping.is_set():
            try:
                stored = self.claim(owner)
            except StoreUnavailable as exc:
                logger.warning("the queue cannot be read: %s", exc)
                self._stopping.wait(IDLE_S)
                continue
            if stored is None:
                self._news.wait(IDLE_S)
                if not self._stopping.is_set():
                    self._news.clear()
                continue
            self.screen(stored, owner)

    def claim(self, owner: str) -> StoredSlide | None:
        """Take the next slide; those of the watched folder wait while it is away, and hold up no others.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        if self._folder_is_away:
            with suppress(FolderUnavailable):
                self._folder.require_there()
                logger.info("the watched folder is there again")
                self._folder_is_away = False
        return self._queue.claim(owner, but_from="folder" if self._folder_is_away else None)

    def screen(self, stored: StoredSlide, owner: str) -> None:
        """Screen a slide that was claimed, and store how it ended."""
        try:
            with Lease(self._queue, stored.slide.id, owner, self._stopping) as lease:
                _require_few_attempts(stored)
                self._screening.screen(stored, lease)
        except LeaseLost as exc:
            logger.info("%s", exc)
        except Interrupted:
            self._ended(stored, owner, None)
        except FolderUnavailable as exc:
            self._folder_is_away = True
            self._ended(stored, owner, exc)
        except (SlideFailed, SlideUnreadable) as exc:
            self._ended(stored, owner, exc)
        except Exception:
            logger.exception("slide %s failed", stored.slide.id)
            detail = f"the service failed; its log has the reason for slide {stored.slide.id}"
            self._ended(stored, owner, SlideFailed("internal-error", detail))

    def _ended(
        self, stored: StoredSlide, owner: str, error: SlideFailed | SlideUnreadable | FolderUnavailable | None
    ) -> None:
        try:
            if error is None:
                self._queue.give_back(stored.slide, owner)
            elif isinstance(error, FolderUnavailable):
                logger.warning("slide %s waits: %s", stored.slide.id, error)
                self._queue.stop(_waiting(stored, error), owner)
            else:
                logger.info("slide %s: %s: %s", stored.slide.id, error.code, error.detail)
                self._queue.stop(_stopped(stored, error), owner)
        except LeaseLost as exc:
            logger.info("%s", exc)
        except StoreUnavailable as exc:  # its hold runs out, and a worker begins it again
            logger.warning("the end of slide %s was not stored: %s", stored.slide.id, exc)


def _require_few_attempts(stored: StoredSlide) -> None:
    if stored.attempts > MAX_ATTEMPTS:
        raise SlideFailed(
            "interrupted-too-often",
            f"the service ended {MAX_ATTEMPTS} times while it read this slide: convert the file, or give the service "
            "more memory, and screen it again",
        )


def _waiting(stored: StoredSlide, error: FolderUnavailable) -> Slide:
    """From its beginning: what was read while the folder went away may be white."""
    return waiting_again(stored.slide).model_copy(update={"warnings": (f"Waits, since {error}"[:300],)})


def _stopped(stored: StoredSlide, error: SlideFailed | SlideUnreadable) -> Slide:
    state = SlideState.NEEDS_SCALE if isinstance(error, NeedsScale) else SlideState.FAILED
    return waiting_again(stored.slide).model_copy(
        update={
            "state": state,
            "started_at": stored.slide.started_at,
            "finished_at": utc_now() if state is SlideState.FAILED else None,
            "failure": SlideFailure(code=error.code, detail=error.detail[:1000]),
        }
    )
