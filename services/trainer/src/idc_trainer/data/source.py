"""A set of patches as the rest of the trainer sees it, independent of its storage."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from idc_trainer.data.left_out import LeftOut
from idc_trainer.errors import DataUnreadable, WrongLabel

NAME_FORM: Final = "<patient>_idx5_x<X>_y<Y>_class<C>.png"
"""The form of file names in the public data set."""

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".webp")
"""The suffixes of the formats that `idc_modelio.patches` reads, in lower case."""

_ENDINGS: Final = "|".join(suffix[1:] for suffix in SUFFIXES)
_NAME: Final = re.compile(rf"(.+?)_idx\d+_x(\d{{1,9}})_y(\d{{1,9}})_class\d+\.(?:{_ENDINGS})", re.ASCII | re.IGNORECASE)
_CLASS_IN_NAME: Final = re.compile(rf"_class(\d+)\.(?:{_ENDINGS})$", re.ASCII | re.IGNORECASE)

_LONGEST_NAME: Final = 255  # Names are kept in arrays, where each takes as much memory as the longest.


@dataclass(frozen=True, slots=True)
class PatchFile:
    """One image of the data set, not yet read."""

    path: str
    """Relative to the folder, in the zip, or as the CSV file gives it; parts are separated by `/`."""
    patient: str
    label: int
    """1 for IDC, else 0."""

    @property
    def name(self) -> str:
        """The file name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def place(self) -> "NamedPlace | None":
        """What the name gives, if it has the form NAME_FORM."""
        return read_name(self.name)


class PatientsFrom(StrEnum):
    """What gives the patient of a file."""

    NAMES = "names"
    """File names of the form NAME_FORM."""
    FOLDERS = "folders"
    """Each folder above class folders is one patient; only a person can know that, so it must be asked for."""
    LIST = "list"
    """The CSV file."""


@dataclass(frozen=True)
class Listing:
    """The content of a data set, before any image is read."""

    files: Sequence[PatchFile]
    """The patches, sorted by patient, label and name, so that the order is the same in every layout."""
    patients_from: PatientsFrom
    left_out: Sequence[LeftOut] = ()
    """All other files, with the folders that cannot be listed."""
    notes: Sequence[str] = ()
    """Sentences for people on how the files were interpreted."""


class PatchSource(Protocol):
    """A folder, a zip or a CSV list of patches, of which only the list of files is in memory."""

    @property
    def root(self) -> Path:
        """The folder that the paths are relative to, or the zip file."""

    @property
    def listing(self) -> Listing: ...

    def read(self, file: PatchFile) -> bytes:
        """Read one image as it is stored; thread-safe.

        At most one byte more than an image may have is read, so that no file can fill the memory.

        Raises:
            FileUnreadable: The file is missing, may not be read or is damaged.
        """


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """The patient and the position in the slide, in px from the upper left, that a file name gives."""

    patient: str
    x_px: int
    y_px: int


def read_name(name: str) -> NamedPlace | None:
    """Patient and position from a file name; None if it does not have the form NAME_FORM."""
    match = _NAME.fullmatch(name)
    return NamedPlace(match[1], int(match[2]), int(match[3])) if match else None


def class_in_name(path: str) -> str | None:
    """The C of a name that ends with `_class<C>`, or None."""
    match = _CLASS_IN_NAME.search(path)
    return match[1] if match else None


def check_label(path: str, label: int, other_source: str) -> None:
    """Refuse a file whose name gives another class than its folder or list.

    Raises:
        WrongLabel: The name ends with `_class<C>` and C is another class.
    """
    named = class_in_name(path)
    if named not in (None, str(label)):
        raise WrongLabel(f"{path} says class {named} but {other_source}: correct the one that is wrong")


def sort_files(files: list[PatchFile]) -> list[PatchFile]:
    """Sort by patient, label, name and path.

    Raises:
        DataUnreadable: A name is longer than the name of a file can be; a zip or a CSV file can hold one.
    """
    for file in files:
        if max(len(file.patient), len(file.name)) > _LONGEST_NAME:
            raise DataUnreadable(f"{file.path[:80]}... has a name of more than {_LONGEST_NAME} characters: rename it")
    return sorted(files, key=lambda file: (file.patient, file.label, file.name, file.path))
