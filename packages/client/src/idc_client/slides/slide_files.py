"""Which files are slides."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from idc_client.errors import InputRejected

SUFFIXES: Final = (".svs", ".svslide", ".tif", ".tiff", ".btf", ".ndpi", ".mrxs", ".scn", ".bif")
DICOM: Final = ".dcm"
HIDDEN: Final = (".", "~$")
"""Copies that are not whole, and macOS's notes on other files."""
SYSTEM_FOLDERS: Final = ("$RECYCLE.BIN", "#recycle", "@eaDir", "System Volume Information", "lost+found")
MAX_DEPTH: Final = 16
"""Of folders within folders, the watched one included."""
_MIRAX: Final = ".mrxs"
_SEVERAL_FILES: Final = (_MIRAX, DICOM)


def check_uploadable(file: Path) -> None:
    """Raises InputRejected for what is not a file, is empty, or is only a part of a slide."""
    try:
        if not file.is_file():
            raise InputRejected(f"{file} is not a file: `idc slides scan` is for folders")
        if file.stat().st_size == 0:
            raise InputRejected(f"{file} is empty")
    except OSError as exc:
        raise InputRejected(f"{file}: {exc.strerror or exc}") from exc
    if file.suffix.lower() in _SEVERAL_FILES:
        raise InputRejected(
            f"{file} is one of several files of a slide: copy them all to the watched folder, then `idc slides scan` it"
        )


def find_slides(folder: Path, root: Path) -> Iterator[Path]:
    """Every slide in a part of the watched folder, by name: those that the service would find.

    A folder with DICOM files is one slide. Links to folders are not followed.

    Args:
        folder: The part, or all of it.
        root: The watched folder.

    Raises:
        InputRejected: The folder, or one in it, cannot be read.
    """

    def stop(error: OSError) -> None:
        raise InputRejected(f"{error.filename}: {error.strerror}")

    try:
        if not _is_searched(folder, root):
            return
    except OSError as exc:
        stop(exc)
    for place, folders, names in os.walk(folder, onerror=stop):
        depth = len(Path(place).relative_to(root).parts) + 1
        folders[:] = _wanted(folders, names) if depth < MAX_DEPTH else []
        if any(name.lower().endswith(DICOM) for name in names) and Path(place) != root:
            yield Path(place)
        yield from (Path(place, name) for name in sorted(names) if _is_slide_name(name))


def is_text(path: str) -> bool:
    """Whether a path can be sent: names are bytes, and some are not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_slide_name(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(HIDDEN)


def _is_searched(folder: Path, root: Path) -> bool:
    """Whether neither the folder nor one that holds it is left out."""
    if folder == root:
        return True
    beside = (entry.name for entry in folder.parent.iterdir())
    return bool(_wanted([folder.name], beside)) and _is_searched(folder.parent, root)


def _wanted(folders: Iterable[str], beside: Iterable[str]) -> list[str]:
    """Those folders that are searched, by name."""
    # The pixels of an MRXS file are in a folder of the same name.
    companions = {Path(name).stem for name in beside if name.lower().endswith(_MIRAX)}
    left_out = companions.union(SYSTEM_FOLDERS)
    return sorted(name for name in folders if name not in left_out and not name.startswith(HIDDEN))
