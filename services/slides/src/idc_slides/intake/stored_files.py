"""Files of slides that this service keeps itself, uploads and downloads: a folder for each, within a bound."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from idc_slides.errors import NoRoom, StoreUnavailable

ABOUT: Final = "upload.json"
"""In the folder of an upload: what was announced. Where it is gone, the folder is no upload's any more."""
PART: Final = "part-"
"""So begins the name of a download that is not whole. It is locked while it grows: a kill leaves one that is not."""
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
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
        """The size of all files; what is deleted meanwhile does not count."""
        return _bytes_in(self._root)

    def require_room(self, size_bytes: int, promised_bytes: int = 0) -> None:
        """Make sure that a file of this size can be stored beside what was promised to others.

        Raises:
            NoRoom: It cannot.
            StoreUnavailable: The folder cannot be used.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            used, free = self.used_bytes() + promised_bytes, shutil.disk_usage(self._root).free
        except OSError as exc:
            raise cannot_store("the data folder cannot be used", exc) from exc
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

    def drop_parts(self, file_id: UUID) -> None:
        """Remove downloads into the folder that a kill has cut off."""
        for part in self.folder_of(file_id).glob(f"{PART}*"):
            with suppress(OSError), part.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()

    def delete(self, file_id: UUID) -> None:
        """Remove what there is of an upload or download. What a kill leaves of it is no upload any more."""
        with suppress(OSError):
            self.disown(file_id)
        shutil.rmtree(self.folder_of(file_id), ignore_errors=True)


def cannot_store(what: str, exc: OSError) -> NoRoom | StoreUnavailable:
    """The error that says why a file cannot be written: only a full disk is one. It names no path of this machine."""
    if exc.errno in FULL:
        return NoRoom(f"{what} ({exc.strerror}): make room, then continue")
    return StoreUnavailable(f"{what} ({exc.strerror}): an administrator must look at the data folder")


def _bytes_in(folder: Path | str) -> int:
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                is_folder = entry.is_dir(follow_symlinks=False)
                size += _bytes_in(entry.path) if is_folder else entry.stat(follow_symlinks=False).st_size
    return size
