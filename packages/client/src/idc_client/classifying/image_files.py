"""Image files in folders, and what is left out there."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from idc_client.errors import InputRefused

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
_WANTED: Final = ", ".join(sorted(SUFFIXES))


@dataclass(frozen=True)
class LeftOut:
    """A file that is not sent."""

    path: Path
    reason: str
    is_failure: bool = False
    """Whether a person would have wanted it sent."""


@dataclass
class Found:
    """What is in the places that a person named."""

    files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def find(places: Iterable[Path]) -> Found:
    """Every file that is named, and every image in every folder that is; each once, in a folder by name.

    Raises:
        InputRefused: A place does not exist.
    """
    found, known = Found(), set[tuple[int, int, str]]()
    for place in places:
        try:
            is_folder = stat.S_ISDIR(place.stat().st_mode)
        except (OSError, ValueError) as exc:
            raise InputRefused(f"{place}: {getattr(exc, 'strerror', None) or exc}") from exc
        for one in _in_folder(place) if is_folder else [place]:
            if isinstance(one, LeftOut):
                found.left_out.append(one)
            elif _is_new(one, known):
                found.files.append(one)
    return found


def _is_new(path: Path, known: set[tuple[int, int, str]]) -> bool:
    """Whether a file was not met before, on whatever way one gets to it; one that vanished is told when it is read."""
    try:
        status = path.stat()
    except OSError:
        return True
    key = (status.st_dev, status.st_ino, path.name)
    if key in known:
        return False
    known.add(key)
    return True


def _in_folder(folder: Path) -> Iterator[Path | LeftOut]:
    unreadable: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        folders.sort()
        for name in folders:
            if (link := Path(parent, name)).is_symlink():
                yield LeftOut(link, "a link to a folder: name it to have it searched", is_failure=True)
        for name in sorted(names):
            path = Path(parent, name)
            reason = _reason_to_leave_out(name)
            yield LeftOut(path, reason) if reason else path
    for error in unreadable:
        yield LeftOut(Path(error.filename), f"the folder cannot be read: {error.strerror}", is_failure=True)


def _reason_to_leave_out(name: str) -> str | None:
    if os.path.splitext(name)[1].lower() not in SUFFIXES:  # noqa: PTH122 - a Path for each name takes longer
        return f"its name does not end like an image's ({_WANTED})"
    if name.startswith("."):
        return "a hidden file: name it to have it sent"
    return None
