"""What a kill leaves between two steps on the disk and in the database is finished here."""

import logging
from collections.abc import Callable, Set
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from idc_contracts.slides import Slide
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.uploads import Upload, Uploads
from idc_slides.records.slides_store import SlidesStore

logger = logging.getLogger(__name__)

LEFT_AFTER: Final = timedelta(hours=1)
"""Folders that changed within this time may be in the making."""


def queue_upload(uploads: Uploads, slides: SlidesStore, upload: Upload) -> tuple[Slide, bool] | None:
    """Queue an upload whose bytes have all arrived: its record, and whether it is new. None where it is no such upload.

    Raises:
        NotFound: It was ended.
        StoreUnavailable: The database does not answer; it may be tried again.
    """
    found = uploads.complete(upload)
    if found is None:
        return None
    slide, is_new = slides.add_one(found)
    if is_new and not uploads.is_known(upload.id):  # its slide was deleted a moment ago
        slides.delete(slide.id)
        return None
    return slide, is_new


def drop_leftovers(files: StoredFiles, uploads: Uploads, of_slides: Callable[[], Set[UUID]], now: datetime) -> int:
    """Delete folders that are neither an upload's nor a slide's, and parts of downloads; gives the number of folders.

    Args:
        files: The folders.
        uploads: Those that are uploads, complete or not.
        of_slides: Gives the folders in which slides have their files; asked after the folders were looked at.
        now: Of the look.
    """

    def may_be_left(folder: UUID) -> bool:
        try:
            return not uploads.is_known(folder) and files.rests_since(folder) <= now - LEFT_AFTER
        except OSError:  # it was deleted a moment ago
            return False

    resting = set(filter(may_be_left, files.folders()))
    left = resting - of_slides() if resting else set()
    for folder in left:
        logger.info("the folder %s belongs to no upload and no slide: it is deleted", folder)
        files.delete(folder)
    for folder in files.folders():
        files.drop_parts(folder)
    return len(left)
