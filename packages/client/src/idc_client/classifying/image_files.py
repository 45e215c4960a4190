"""Finds image files in folders, and says which files it left out and why."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from idc_client.errors import InputRejected

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
_SUFFIX_LIST: Final = ", ".join(sorted(SUFFIXES))


@dataclass(frozen=True)
class LeftOut:
    """A file that is not sent."""

    path: Path
    reason: str
    is_failure: bool = False
    """Whether the user probably wanted it sent."""


@dataclass
class ImageFiles:
    """The files to send, and those left out."""

    files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def find_images(places: Iterable[Path]) -> ImageFiles:
    """Every named file, and every image below a named folder, sorted by name; each file once.

    Raises:
        InputRejected: A place does not exist.
    """
    images, seen = ImageFiles(), set[tuple[int, int, str]]()
    for place in places:
        try:
            is_folder = stat.S_ISDIR(place.stat().st_mode)
        except (OSError, ValueError) as exc:
            raise InputRejected(f"{place}: {getattr(exc, 'strerror', None) or exc}") from exc
        for entry in _walk(place) if is_folder else [place]:
            if isinstance(entry, LeftOut):
                images.left_out.append(entry)
            elif _is_new(entry, seen):
                images.files.append(entry)
    return images


def _is_new(path: Path, seen: set[tuple[int, int, str]]) -> bool:
    """Whether a file was not seen before under any path; a vanished file is reported when it is read."""
    try:
        status = path.stat()
    except OSError:
        return True
    key = (status.st_dev, status.st_ino, path.name)
    if key in seen:
        return False
    seen.add(key)
    return True


def _walk(folder: Path) -> Iterator[Path | LeftOut]:
    unreadable: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        folders.sort()
        for name in folders:
            if (link := Path(parent, name)).is_symlink():
                yield LeftOut(link, "a link to a folder: name it to search it", is_failure=True)
        for name in sorted(names):
            path = Path(parent, name)
            reason = _reason_to_leave_out(name)
            yield LeftOut(path, reason) if reason else path
    for error in unreadable:
        yield LeftOut(Path(error.filename), f"the folder cannot be read: {error.strerror}", is_failure=True)


def _reason_to_leave_out(name: str) -> str | None:
    if os.path.splitext(name)[1].lower() not in SUFFIXES:  # noqa: PTH122 - a Path for each name takes longer
        return f"its name has no image extension ({_SUFFIX_LIST})"
    if name.startswith("."):
        return "a hidden file: name it to send it"
    return None
