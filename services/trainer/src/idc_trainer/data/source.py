"""What a set of patches looks like to the rest of the trainer, whatever it is stored in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from idc_trainer.data.left_out import LeftOut
from idc_trainer.errors import DataUnreadable, WrongLabel

NAME_FORM: Final = "<patient>_idx5_x<X>_y<Y>_class<C>.png"
"""How the public data set names its files."""

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".webp")
"""The names of the formats that `idc_modelio.patches` reads, in small letters."""

_ENDINGS: Final = "|".join(suffix[1:] for suffix in SUFFIXES)
_NAME: Final = re.compile(rf"(.+?)_idx\d+_x(\d{{1,9}})_y(\d{{1,9}})_class\d+\.(?:{_ENDINGS})", re.ASCII | re.IGNORECASE)
_CLASS_IN_NAME: Final = re.compile(rf"_class(\d+)\.(?:{_ENDINGS})$", re.ASCII | re.IGNORECASE)

_LONGEST_NAME: Final = 255  # Names are kept in arrays, where each takes as much memory as the longest.


@dataclass(frozen=True, slots=True)
class PatchFile:
    """One image of the data set, not yet read."""

    path: str
    """Relative to the folder, in the zip, or as the manifest says it; parts are divided by `/`."""
    patient: str
    label: int
    """1 where the patch holds IDC, else 0."""

    @property
    def name(self) -> str:
        """The file name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def x_px(self) -> int | None:
        """How far the patch lies from the left edge of the patient's slide; None where the name does not say."""
        place = read_name(self.name)
        return place.x_px if place else None

    @property
    def y_px(self) -> int | None:
        """The same from the top edge."""
        place = read_name(self.name)
        return place.y_px if place else None


class PatientsFrom(StrEnum):
    """Who says whose patch a file is."""

    NAMES = "names"
    """The file names, in NAME_FORM."""
    FOLDERS = "folders"
    """Each folder above class folders is one patient; only a person can know that, so a person must say so."""
    LIST = "list"
    """The CSV file."""


@dataclass(frozen=True)
class Listing:
    """What a data set holds, before any image is read."""

    files: Sequence[PatchFile]
    """The patches, sorted by patient, label and name, so that the order is the same in every layout."""
    patients_from: PatientsFrom
    left_out: Sequence[LeftOut] = ()
    """All other files, with the folders that cannot be listed."""
    notes: Sequence[str] = ()
    """What a person should know of how the files were understood, a sentence each."""


class PatchSource(Protocol):
    """A folder, a zip or a manifest of patches; nothing of it is read into memory but the list of its files."""

    @property
    def root(self) -> Path:
        """Where it lies: the folder that the paths are relative to, or the zip file."""

    @property
    def listing(self) -> Listing:
        """Its patches, and what else it holds."""

    def read(self, file: PatchFile) -> bytes:
        """Read one image as it is stored; threads may call it at the same time.

        At most one byte more than an image may have is read, so that no file can fill the memory.

        Raises:
            FileUnreadable: The file has gone, may not be read or is damaged in the zip.
        """


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """What a file name of the public data set says."""

    patient: str
    x_px: int
    y_px: int


def read_name(name: str) -> NamedPlace | None:
    """Patient and place from a file name, or None where it has another form than NAME_FORM."""
    found = _NAME.fullmatch(name)
    return NamedPlace(found[1], int(found[2]), int(found[3])) if found else None


def class_in_name(path: str) -> str | None:
    """The C of a name that ends with `_class<C>`, or None."""
    said = _CLASS_IN_NAME.search(path)
    return said[1] if said else None


def check_label(path: str, label: int, said_by: str) -> None:
    """Refuse a file whose name says another class than what lists it.

    Raises:
        WrongLabel: The name ends with `_class<C>` and C is another class.
    """
    said = class_in_name(path)
    if said not in (None, str(label)):
        raise WrongLabel(f"{path} says class {said} but {said_by}: correct the one that is wrong")


def sort_files(files: list[PatchFile]) -> list[PatchFile]:
    """Sort by patient, label and name; the path decides between files that agree in these.

    Raises:
        DataUnreadable: A name is longer than any file's; a zip or a CSV file can hold such.
    """
    for file in files:
        if max(len(file.patient), len(file.name)) > _LONGEST_NAME:
            raise DataUnreadable(f"{file.path[:80]}... has a name of more than {_LONGEST_NAME} characters: rename it")
    return sorted(files, key=lambda file: (file.patient, file.label, file.name, file.path))
