"""Files of slides that this service keeps itself, uploads and downloads: a folder for each, within a bound."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from idc_slides.errors import NoRoom

ABOUT: Final = "upload.json"
"""In the folder of an upload: what was announced. Where it is gone, the folder is no upload's any more."""
LEAST_FREE_BYTES: Final = 256 * 1024 * 1024
"""Left on the disk for the database."""


class StoredFiles:
    """A folder with a folder for each upload or download, named by an id. Every use blocks."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        """Use a folder; `max_bytes` is the room for all files together."""
        self._root, self._max_bytes = root, max_bytes

    def folder_of(self, file_id: UUID) -> Path:
        """Where the files of an upload or download lie."""
        return self._root / str(file_id)

    def folders(self) -> Iterator[UUID]:
        """The ids of all that is there."""
        if not self._root.exists():
            return
        for path in sorted(self._root.iterdir()):
            try:
                yield UUID(path.name)
            except ValueError:
                continue

    def used_bytes(self) -> int:
        """The size of all files."""
        return sum(path.stat().st_size for path in self._root.rglob("*") if path.is_file())

    def require_room(self, size_bytes: int, promised_bytes: int = 0) -> None:
        """Make sure that a file of this size can be stored beside what was promised to others.

        Raises:
            NoRoom: It cannot.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            used, free = self.used_bytes() + promised_bytes, shutil.disk_usage(self._root).free
        except OSError as exc:
            raise NoRoom(f"the data folder cannot be used: {exc.strerror}") from exc
        if used + size_bytes > self._max_bytes:
            raise NoRoom(
                f"{size_bytes} bytes do not fit: stored and announced slides have {used} of {self._max_bytes} bytes; "
                "delete slides that are not needed, or put this one into the watched folder"
            )
        if size_bytes + promised_bytes + LEAST_FREE_BYTES > free:
            raise NoRoom(f"{size_bytes} bytes do not fit: the disk has {free} bytes left; make room there")

    def rests_since(self, file_id: UUID) -> datetime:
        """When a file was last added to the folder or removed. Raises OSError where it is gone."""
        return datetime.fromtimestamp(self.folder_of(file_id).stat().st_mtime, UTC)

    def disown(self, file_id: UUID) -> None:
        """Make the folder no upload's any more, so that none is queued from it; its slide keeps its file."""
        with suppress(FileNotFoundError):
            (self.folder_of(file_id) / ABOUT).unlink()

    def delete(self, file_id: UUID) -> None:
        """Remove what there is of an upload or download. What a kill leaves of it is no upload any more."""
        with suppress(OSError):
            self.disown(file_id)
        shutil.rmtree(self.folder_of(file_id), ignore_errors=True)
