"""Where the file of a slide is, wherever it came from."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from idc_slides.errors import SlideFailed, SlideRefused
from idc_slides.intake.bucket import Bucket
from idc_slides.intake.kinds import state_of
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.records.slides import StoredSlide


class SlideFiles:
    """Finds, fetches and deletes files of slides. Every use blocks."""

    def __init__(self, folder: WatchedFolder, files: StoredFiles, bucket: Bucket) -> None:
        self._folder, self._files, self._bucket = folder, files, bucket

    def path_of(self, stored: StoredSlide) -> Path:
        """The path of a slide whose file is here.

        Raises:
            SlideFailed: It is gone, or may not be read.
        """
        try:
            if (folder := stored.folder_of_files) is None:
                return self._folder.locate(stored.location.path)
        except SlideRefused as exc:
            raise SlideFailed(exc.kind, str(exc)) from exc
        path = self._stored(stored, folder)
        if not path.exists():
            raise SlideFailed("slide-gone", f"the file of {stored.slide.name!r} is not stored any more: send it again")
        return path

    def fetch(self, stored: StoredSlide, on_piece: Callable[[int], None]) -> Path:
        """The path of a slide, which is downloaded where that is needed.

        Args:
            stored: The slide.
            on_piece: Called with the number of bytes so far.

        Raises:
            SlideFailed: It is gone, has changed, or may not be read.
            BucketUnavailable: The S3 server does not answer.
            NoRoom: It does not fit.
            StoreUnavailable: The data folder cannot be used.
            OSError: It cannot be written.
        """
        if stored.location.source == "s3" and not (path := self._stored(stored, stored.slide.id)).exists():
            self._files.drop_parts(stored.slide.id)
            self._files.require_room(stored.file.size_bytes)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._bucket.download(stored.location.text, stored.file, path, on_piece)
            except SlideRefused as exc:
                raise SlideFailed(exc.kind, str(exc)) from exc
        return self.path_of(stored)

    def require_unchanged(self, stored: StoredSlide, path: Path) -> None:
        """Make sure that a slide is as it was when it was queued.

        Raises:
            SlideFailed: It changed, or is gone.
        """
        if stored.location.source == "s3":  # the download was compared when it was made
            return
        try:
            state = state_of(path)
        except (OSError, SlideRefused) as exc:
            raise SlideFailed("slide-gone", f"the file of {stored.slide.name!r} vanished: put it back") from exc
        if state != stored.file:
            raise SlideFailed(
                "slide-changed",
                f"the file of {stored.slide.name!r} changed after it was queued: it is queued again "
                "when it stands still",
            )

    def require_source(self, stored: StoredSlide) -> None:
        """Make sure that the place is there from which a slide came, where its file is not.

        Raises:
            FolderUnavailable: The watched folder is away.
        """
        if stored.location.source == "folder":
            self._folder.require_there()

    def disown(self, stored: StoredSlide) -> None:
        """Prepare to delete a slide: from now on no upload is queued as this slide again, whatever is killed."""
        if folder := stored.folder_of_files:
            self._files.disown(folder)

    def delete(self, stored: StoredSlide) -> None:
        """Delete what this service keeps of a slide; a file of the watched folder stays."""
        if folder := stored.folder_of_files:
            self._files.delete(folder)

    def _stored(self, stored: StoredSlide, folder: UUID) -> Path:
        """Where a file lies that this service keeps itself."""
        if stored.location.source == "s3":
            return self._files.folder_of(folder) / f"slide{Path(stored.location.text).suffix.lower()}"
        return self._files.folder_of(folder) / stored.location.path.name
