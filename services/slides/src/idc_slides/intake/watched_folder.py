"""The folder into which a scanner writes. It is only read, and no symbolic link leads out of it."""

import errno
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from idc_contracts.slides import SlideFailure
from idc_slides.errors import FolderUnavailable, SlideFailed, SlideRefused
from idc_slides.intake.kinds import (
    HIDDEN,
    SYSTEM_FOLDERS,
    companion_of,
    files_of,
    is_dicom_name,
    is_slide_name,
    state_of,
    why_no_slide,
)
from idc_slides.records.slides import FileState

logger = logging.getLogger(__name__)

MAX_DEPTH: Final = 16
"""Of folders within folders."""


_OF_THE_PATH: Final = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EINVAL)
"""Errors that last; others, such as EIO or ESTALE, are a share's that may come back."""


@dataclass(frozen=True)
class FoundSlide:
    """A slide that lies in the folder."""

    relative: Path
    file: FileState
    failure: SlideFailure | None = None
    """Why it must not be read."""


class WatchedFolder:
    """A folder with slides. Every use blocks."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._closed: set[str] = set()
        """Folders that could not be read, each of which is told once."""

    def scan(self) -> Iterator[FoundSlide]:
        """All slides of the folder and the folders in it; what vanishes meanwhile is left out.

        Raises:
            OSError: The folder itself cannot be read.
        """
        with os.scandir(self._root) as entries:
            yield from self._scan(list(entries), depth=1)

    def require_there(self) -> None:
        """Make sure that a file that is not found is gone, and not the whole folder.

        Raises:
            FolderUnavailable: It cannot be read, or is as empty as the mount point of a share that is away.
        """
        try:
            with os.scandir(self._root) as entries:
                is_empty = next(entries, None) is None
        except OSError as exc:
            raise FolderUnavailable(f"the watched folder cannot be read ({exc.strerror}): mount it again") from exc
        if is_empty:
            raise FolderUnavailable("the watched folder is empty: mount its share again, or put the files back")

    def locate(self, relative: Path) -> Path:
        """The path of a slide, without symbolic links, so that none can be changed before it is opened.

        Raises:
            SlideRefused: The path leads out of the folder, or names no slide.
            SlideFailed: There is nothing, or it cannot be read now.
        """
        if relative.is_absolute() or ".." in relative.parts or "\0" in str(relative):
            raise SlideRefused("give the path relative to the watched folder, without `..`")
        try:
            root, path = self._root.resolve(strict=True), (self._root / relative).resolve(strict=True)
            if not path.is_relative_to(root):
                raise SlideRefused("a symbolic link leads out of the watched folder: put the file itself there")
            _require_slide(relative, path)
            if any(not file.resolve().is_relative_to(root) for file in files_of(path)):
                raise SlideRefused(
                    "a file of this slide is a symbolic link out of the watched folder: put the file itself there"
                )
        except FileNotFoundError as exc:
            raise SlideFailed("slide-gone", _gone(relative)) from exc
        except RuntimeError as exc:  # Python before 3.13
            raise SlideRefused("a symbolic link leads in a circle: put the file itself there") from exc
        except OSError as exc:
            if exc.errno in _OF_THE_PATH:
                raise SlideRefused(f"the path cannot be read: {exc.strerror}") from exc
            raise SlideFailed("slide-gone", f"the file cannot be read now: {exc.strerror}") from exc
        return path

    def _scan(self, entries: list[os.DirEntry[str]], depth: int) -> Iterator[FoundSlide]:
        companions = {str(companion_of(Path(entry.path))) for entry in entries}
        for entry in sorted(entries, key=lambda entry: entry.name):
            try:
                if not entry.is_dir(follow_symlinks=False):
                    yield from self._file(entry)
                elif depth < MAX_DEPTH and entry.path not in companions and not _is_hidden(entry.name):
                    yield from self._folder(entry, depth)
            except PermissionError:
                if entry.path not in self._closed:
                    self._closed.add(entry.path)
                    logger.warning("%r in the watched folder may not be read: change its permissions", entry.name)
            except OSError:  # it vanished: what cannot be seen is not there yet
                continue

    def _file(self, entry: os.DirEntry[str]) -> Iterator[FoundSlide]:
        if is_slide_name(entry.name):
            yield self._found(Path(entry.path))

    def _folder(self, entry: os.DirEntry[str], depth: int) -> Iterator[FoundSlide]:
        with os.scandir(entry.path) as within:
            entries = list(within)
        if any(is_dicom_name(file.name) for file in entries):
            yield self._found(Path(entry.path))
        yield from self._scan(entries, depth + 1)

    def _found(self, path: Path) -> FoundSlide:
        relative = path.relative_to(self._root)
        try:
            return FoundSlide(relative, state_of(self.locate(relative)))
        except SlideRefused as exc:
            stat = path.lstat()
            return FoundSlide(
                relative,
                FileState(stat.st_size, stat.st_mtime_ns),
                SlideFailure(code=SlideRefused.kind, detail=str(exc)),
            )
        except SlideFailed as exc:  # a broken link, or the folder of an MRXS file is not there yet
            raise FileNotFoundError(exc.detail) from exc


def _is_hidden(folder: str) -> bool:
    return folder.startswith(HIDDEN) or folder in SYSTEM_FOLDERS


def _require_slide(relative: Path, path: Path) -> None:
    if path.is_dir():
        if relative == Path() or not any(is_dicom_name(file.name) for file in path.iterdir()):
            raise SlideRefused("the folder has no DICOM files (.dcm): give the path of a slide")
    elif is_dicom_name(path.name):
        raise SlideRefused("a DICOM slide is a folder: give the path of the folder that holds its files")
    elif not is_slide_name(relative.name):
        raise SlideRefused(why_no_slide(relative.name))


def _gone(relative: Path) -> str:
    name = os.fsencode(relative.name).decode("utf-8", "replace")
    what = "or the folder of the same name that holds its pixels " if name.lower().endswith(".mrxs") else ""
    return f"the file {name!r} {what}is not in the watched folder any more: put it back"
