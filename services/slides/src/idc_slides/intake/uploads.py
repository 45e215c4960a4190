"""Uploads by tus 1.0 (https://tus.io/protocols/resumable-upload): files that arrive in pieces.

Each upload is a folder of the data folder: `upload.json` says what was announced, `part` holds what arrived. How much
arrived is the size of `part`, so that an upload resumes where it stopped, whatever was killed.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final
from uuid import UUID, uuid4

from pydantic import Field

from idc_contracts import UtcDatetime, utc_now
from idc_contracts.base import Contract
from idc_slides.errors import NotFound, SlideRefused, UploadConflict, UploadTooLarge
from idc_slides.intake.kinds import ends_as_slide, is_dicom_name, state_of, why_no_slide
from idc_slides.intake.stored_files import ABOUT, StoredFiles, cannot_store
from idc_slides.records.slides import Location, StoredSlide, new_slide, shown_name

logger = logging.getLogger(__name__)

_PART: Final = "part"


class Upload(Contract):
    """What was announced."""

    id: UUID
    name: str = Field(min_length=1, max_length=255)
    size_bytes: int = Field(ge=1)
    um_per_px: float | None = None
    received_by: str
    created_at: UtcDatetime


class Uploads:
    """The uploads. Every use blocks."""

    def __init__(self, files: StoredFiles, *, max_bytes: int, lifetime: timedelta) -> None:
        """Use the folder of stored files.

        Args:
            files: Where they lie, with the room that is left.
            max_bytes: Largest file.
            lifetime: How long an upload may rest before it is dropped.
        """
        self._files, self.max_bytes, self._lifetime = files, max_bytes, lifetime

    def create(self, name: str, size_bytes: int, um_per_px: float | None, received_by: str) -> Upload:
        """Announce a file.

        Raises:
            UploadTooLarge: It is larger than allowed.
            SlideRefused: Its name is not one of a slide.
            NoRoom: The disk, or the room for stored files, is full.
            StoreUnavailable: The data folder cannot be used.
        """
        if size_bytes > self.max_bytes:
            raise UploadTooLarge(
                f"the file has {size_bytes} bytes, and at most {self.max_bytes} are allowed: "
                "put it into the watched folder"
            )
        _require_single_file(name)
        self._files.require_room(size_bytes, promised_bytes=sum(map(self._missing, self.all())))
        upload = Upload(
            id=uuid4(),
            name=shown_name(Path(name).name),
            size_bytes=size_bytes,
            um_per_px=um_per_px,
            received_by=received_by,
            created_at=utc_now(),
        )
        try:
            folder = self._files.folder_of(upload.id)
            folder.mkdir(parents=True)
            (folder / _PART).touch()
            (folder / ABOUT).write_text(upload.model_dump_json(), encoding="utf-8")
        except OSError as exc:
            self._files.delete(upload.id)
            raise cannot_store("the upload cannot be stored", exc) from exc
        return upload

    def get(self, upload_id: UUID) -> Upload:
        """What was announced.

        Raises:
            NotFound: There is no such upload, or it has expired.
        """
        try:
            return Upload.model_validate_json((self._files.folder_of(upload_id) / ABOUT).read_bytes())
        except (OSError, ValueError) as exc:
            raise NotFound(f"there is no upload {upload_id}: it is through, was ended or has expired") from exc

    def offset(self, upload: Upload) -> int:
        """Bytes that arrived.

        Raises:
            NotFound: The upload was ended.
        """
        folder = self._files.folder_of(upload.id)
        try:
            return (folder / _PART).stat().st_size
        except FileNotFoundError:
            if self._finished(upload).exists():
                return upload.size_bytes
            raise NotFound(f"there is no upload {upload.id}") from None

    def expires_at(self, upload: Upload) -> datetime:
        """When it is dropped if nothing arrives."""
        try:
            changed_s = (self._files.folder_of(upload.id) / _PART).stat().st_mtime
        except FileNotFoundError:
            return upload.created_at + self._lifetime
        return datetime.fromtimestamp(changed_s, tz=upload.created_at.tzinfo) + self._lifetime

    @contextmanager
    def writing(self, upload: Upload, offset: int) -> Iterator["Piece"]:
        """Write at the upload's end while the block runs; what arrived is kept whatever ends the block.

        Raises:
            UploadConflict: The offset is not the upload's, or another request writes to it.
            NotFound: The upload was ended, or is through.
        """
        try:
            file = (self._files.folder_of(upload.id) / _PART).open("r+b", buffering=0)
        except FileNotFoundError:
            raise UploadConflict(f"the upload is complete with {upload.size_bytes} bytes: ask for it by HEAD") from None
        with file:
            _lock(file)
            arrived = file.seek(0, os.SEEK_END)
            if offset != arrived:
                raise UploadConflict(f"Upload-Offset is {offset}, but {arrived} bytes arrived: go on from there")
            piece = Piece(file, arrived, upload.size_bytes)
            try:
                yield piece
            finally:
                os.fsync(file.fileno())

    def complete(self, upload: Upload) -> StoredSlide | None:
        """The slide of an upload whose bytes have all arrived; None while some are missing. May be called again.

        Raises:
            NotFound: It was ended, or its slide was deleted.
        """
        folder, finished = self._files.folder_of(upload.id), self._finished(upload)
        if not finished.exists():
            if self.offset(upload) < upload.size_bytes:
                return None
            with suppress(FileNotFoundError):  # another request did it a moment ago
                (folder / _PART).rename(finished)
        location = Location("upload", f"{upload.id}/{finished.name}")
        try:
            state = state_of(finished)
        except FileNotFoundError as exc:
            raise NotFound(f"there is no upload {upload.id} any more") from exc
        return new_slide(location, state, received_by=upload.received_by, name=upload.name, um_per_px=upload.um_per_px)

    def end(self, upload_id: UUID) -> None:
        """End an upload before it is complete.

        Raises:
            NotFound: There is no such upload.
            UploadConflict: It is complete: the slide is deleted by its own id. Or another request writes to it.
        """
        self._drop(self.get(upload_id))

    def is_known(self, upload_id: UUID) -> bool:
        """Whether there is such an upload, complete or not."""
        try:
            self.get(upload_id)
        except NotFound:
            return False
        return True

    def all(self) -> Iterator[Upload]:
        """The uploads that are there, complete ones too."""
        for folder in self._files.folders():
            with suppress(NotFound):
                yield self.get(folder)

    def drop_expired(self, now: datetime) -> int:
        """Drop incomplete uploads to which nothing came for too long; gives their number."""
        expired = [upload for upload in self.all() if self.expires_at(upload) <= now]
        return sum(map(self._dropped, expired))

    def _dropped(self, upload: Upload) -> bool:
        """Whether an expired upload was dropped: not where its last byte arrives at this moment."""
        try:
            self._drop(upload)
        except UploadConflict:
            return False
        logger.info("upload %s has expired", upload.id)
        return True

    def _drop(self, upload: Upload) -> None:
        """Delete an upload that is not complete. Raises UploadConflict as `end` does."""
        complete = UploadConflict("the upload is complete: delete the slide instead")
        try:
            part = (self._files.folder_of(upload.id) / _PART).open("rb")
        except FileNotFoundError:
            if self._finished(upload).exists():
                raise complete from None
            self._files.delete(upload.id)  # what a kill left
            return
        with part:
            _lock(part)
            if os.fstat(part.fileno()).st_size >= upload.size_bytes:
                raise complete
            self._files.delete(upload.id)

    def _missing(self, upload: Upload) -> int:
        try:
            return upload.size_bytes - self.offset(upload)
        except NotFound:  # it was ended a moment ago
            return 0

    def _finished(self, upload: Upload) -> Path:
        """Only the ending is the caller's: a name could be anything."""
        return self._files.folder_of(upload.id) / f"slide{Path(upload.name).suffix.lower()}"


class Piece:
    def __init__(self, file: IO[bytes], offset: int, size_bytes: int) -> None:
        self._file, self.offset, self._size_bytes = file, offset, size_bytes

    def write(self, data: bytes) -> None:
        """Take some bytes.

        Raises:
            UploadTooLarge: They are more than were announced; none of them was taken.
            NoRoom: The disk is full.
            StoreUnavailable: The file cannot be written.
        """
        if self.offset + len(data) > self._size_bytes:
            raise UploadTooLarge(
                f"{self._size_bytes} bytes were announced, and more arrive: announce the size of the file"
            )
        try:
            view = memoryview(data)
            while view:
                written = self._file.write(view)
                self.offset += written
                view = view[written:]
        except OSError as exc:
            raise cannot_store("the upload cannot be stored", exc) from exc


def _lock(file: IO[bytes]) -> None:
    """Keep other requests from the upload until the file is closed. Raises UploadConflict where one has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        raise UploadConflict("another request writes to this upload: wait for its end") from exc


def _require_single_file(name: str) -> None:
    if is_dicom_name(name) or name.lower().endswith(".mrxs"):
        raise SlideRefused("a slide of several files (DICOM, MRXS) is not uploaded: put it into the watched folder")
    if not ends_as_slide(name):
        raise SlideRefused(why_no_slide(Path(name).name))
