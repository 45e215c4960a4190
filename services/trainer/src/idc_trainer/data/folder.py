"""Patches as files below a folder."""

import filecmp
import os
from dataclasses import replace
from pathlib import Path

from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_trainer.data.left_out import LeftOut, Reason
from idc_trainer.data.source import Listing, PatchFile, PatientsFrom
from idc_trainer.data.tree import list_tree
from idc_trainer.errors import FileUnreadable


class FolderSource:
    """The patches at paths below a folder."""

    def __init__(self, root: Path, listing: Listing) -> None:
        self.root = root
        self.listing = listing

    def read(self, file: PatchFile) -> bytes:
        return read_image(self.root / file.path, file.path)


def read_image(path: Path, name: str) -> bytes:
    """Read a file, but at most one byte more than an image may have; `name` names it in `FileUnreadable`."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would block
            raise FileUnreadable(name, "it is not a regular file")
        with path.open("rb") as stream:
            return stream.read(MAX_ENCODED_BYTES + 1)
    except OSError as exc:
        raise FileUnreadable(name, f"cannot read it ({exc.strerror})") from exc


def open_folder(root: Path, patients_from: PatientsFrom) -> FolderSource:
    """Find the patches below a folder; links are followed.

    Raises:
        WrongLabel, PatientUnknown: See `list_tree`.
    """
    paths, folders = walk_files(root)
    listing = list_tree(paths, lambda one, other: _same(root, one, other), patients_from)
    return FolderSource(root, replace(listing, left_out=(*listing.left_out, *folders)))


def _same(root: Path, one: PatchFile, other: PatchFile) -> bool:
    try:
        return filecmp.cmp(root / one.path, root / other.path, shallow=False)
    except OSError:
        return False  # Both stay in the list; reading them raises the error.


def walk_files(root: Path) -> tuple[list[str], list[LeftOut]]:
    """All files below a folder, relative, parts separated by `/`, and the folders that were not entered."""
    seen: set[tuple[int, int]] = set()
    paths: list[str] = []
    left_out: list[LeftOut] = []

    def refuse(error: OSError) -> None:
        folder = f"{Path(error.filename).relative_to(root).as_posix()}/"
        left_out.append(LeftOut(folder, Reason.UNREADABLE, f"cannot list the folder ({error.strerror})"))

    for folder, below, names in os.walk(root, followlinks=True, onerror=refuse):
        inside = Path(folder).relative_to(root).as_posix()
        # Each folder once: a link may lead back to a folder above it.
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            left_out.append(LeftOut(f"{inside}/", Reason.SAME_AGAIN, "it is a link to a folder that was read already"))
            continue
        seen.add((status.st_dev, status.st_ino))
        below.sort()
        paths += [name if inside == "." else f"{inside}/{name}" for name in names]
    return paths, left_out
