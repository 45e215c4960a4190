"""Patches as files below a folder."""

import filecmp
import os
from collections.abc import Iterator
from pathlib import Path

from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_trainer.data.source import PatchFile
from idc_trainer.data.tree import files_in_tree
from idc_trainer.errors import DataUnreadable, FileUnreadable


class FolderSource:
    """The patches at paths below a folder."""

    def __init__(self, root: Path, files: list[PatchFile]) -> None:
        self.root = root
        self.files = files

    def read(self, file: PatchFile) -> bytes:
        """Read one image; see PatchSource."""
        path = self.root / file.path
        try:
            if path.exists() and not path.is_file():
                # To open a pipe would wait for ever.
                raise FileUnreadable(file.path, "it is not a regular file")
            with path.open("rb") as stream:
                return stream.read(MAX_ENCODED_BYTES + 1)
        except OSError as exc:
            raise FileUnreadable(file.path, f"cannot read it ({exc.strerror})") from exc


def open_folder(root: Path) -> FolderSource:
    """Find the patches below a folder; links are followed.

    Raises:
        DataUnreadable: A folder below may not be read.
        WrongLabel: See `files_in_tree`.
        PatientUnknown: See `files_in_tree`.
    """
    return FolderSource(root, files_in_tree(_paths(root), lambda one, other: _same(root, one, other)))


def _same(root: Path, one: PatchFile, other: PatchFile) -> bool:
    try:
        return filecmp.cmp(root / one.path, root / other.path, shallow=False)
    except OSError:
        return False  # Both stay in the list, and who reads them says what is wrong.


def _paths(root: Path) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(root, followlinks=True, onerror=_refuse):
        # Each folder once: a link may lead back to a folder above it.
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below.sort()
        inside = Path(folder).relative_to(root).as_posix()
        yield from (name if inside == "." else f"{inside}/{name}" for name in names)


def _refuse(error: OSError) -> None:
    raise DataUnreadable(f"cannot list {error.filename}: {error.strerror}; make the folder readable or move it away")
