"""Finds out whose patch each file is: file names say it, or a person says that folders do."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Final

from idc_trainer.data.source import NAME_FORM, PatientsFrom, read_name
from idc_trainer.errors import PatientUnknown, WrongLabel, printable

_NAMED: Final = 5  # so many folders are named in a text

# Folders that divide a data set or hold all of it, whatever a person says of them.
_NO_PATIENTS: Final = re.compile(
    r"(train|val|valid|test)(ing|idation|ation)?(set|data)?\d*|dev|holdout|(fold|split|part|batch|shard|cv)\d*|"
    r"(image|patche?|picture|photo|slide|tile|file|data|dataset)s?|all|export|raw|unlabell?ed|labell?ed|"
    r"patients|cases|(set|group)\d*|unknown|other|misc|new|old|"
    r"benign|malignant|positive|negative|normal|tumou?r|cancer|(non?)?idc|idcregularps50idx5",
    re.ASCII,
)

_REMEDY: Final = "list the files in a CSV file path,patient,label"


@dataclass(frozen=True, slots=True)
class Placed:
    """An image in a class folder."""

    path: str
    above: tuple[str, ...]
    """The folders above the class folder."""
    label: int
    name: str

    @property
    def folder(self) -> str:
        """The folder above the class folder, empty where there is none."""
        return self.above[-1] if self.above else ""


def find_owners(placed: Sequence[Placed], patients_from: PatientsFrom) -> tuple[list[str], list[str]]:
    """Find the patient of each image.

    Args:
        placed: The images.
        patients_from: NAMES or FOLDERS.

    Returns:
        A patient for each image, and sentences that a person should read.

    Raises:
        PatientUnknown: Nothing that may be relied on says whose patch a file is.
        WrongLabel: A file stands in the folder of another patient than its name says.
    """
    named = [place.patient if (place := read_name(one.name)) else None for one in placed]
    if patients_from is PatientsFrom.FOLDERS:
        return _from_folders(placed, named)
    return _from_names(placed, named)


def _from_names(placed: Sequence[Placed], named: Sequence[str | None]) -> tuple[list[str], list[str]]:
    known = {patient for patient in named if patient is not None}
    _refuse_misplaced([(one, name) for one, name in zip(placed, named, strict=True) if name and one.folder in known])
    unknown = [one for one, name in zip(placed, named, strict=True) if name is None and one.folder not in known]
    if unknown:
        raise PatientUnknown(_unknown_text(unknown, len(placed)))
    owners = [one.folder if name is None else name for one, name in zip(placed, named, strict=True)]
    return [intern(printable(owner)) for owner in owners], _notes_on_names(placed, named, known)


def _unknown_text(unknown: Sequence[Placed], count: int) -> str:
    folders = sorted({one.folder for one in unknown} - {""})
    asked = f"if each folder above class folders ({_some(folders)}) is one patient, say --patient-from folders; else "
    return (
        f"{unknown[0].path} does not say whose patch it is, as {len(unknown)} of {count} file names do not: "
        f"{asked if folders and not _no_patients(folders) else ''}{_REMEDY}, or name them {NAME_FORM}"
    )


def _notes_on_names(placed: Sequence[Placed], named: Sequence[str | None], known: set[str]) -> list[str]:
    notes = []
    others = sorted({one.folder for one, name in zip(placed, named, strict=True) if name} - known - {""})
    if others:
        notes.append(
            f"The patients are those of the file names; the folders above the class folders ({_some(others)}) were not "
            "taken for patients. If they are, say --patient-from folders."
        )
    nameless = sum(name is None for name in named)
    if nameless:
        notes.append(
            f"{nameless} file names say no patient; their folders are named as patients of other file names, "
            "which were taken for theirs."
        )
    return notes


def _from_folders(placed: Sequence[Placed], named: Sequence[str | None]) -> tuple[list[str], list[str]]:
    homeless = [one for one in placed if not one.folder]
    if homeless:
        raise PatientUnknown(f"{homeless[0].path} stands in no patient's folder: {_REMEDY}")
    folders = {one.folder for one in placed}
    if wrong := _no_patients(folders):
        raise PatientUnknown(
            f"--patient-from folders would take {_some(wrong)} for patients, but folders of such names hold many: "
            f"put each patient's class folders into a folder of its own, or {_REMEDY}"
        )
    _refuse_misplaced([(one, name) for one, name in zip(placed, named, strict=True) if name in folders])
    return [intern(printable(one.folder)) for one in placed], _notes_on_folders(placed, named)


def _notes_on_folders(placed: Sequence[Placed], named: Sequence[str | None]) -> list[str]:
    notes = []
    differ = sum(name not in (None, one.folder) for one, name in zip(placed, named, strict=True))
    if differ:
        notes.append(f"{differ} file names say another patient than their folder; the folder was taken.")
    places: dict[str, set[tuple[str, ...]]] = {}
    for one in placed:
        places.setdefault(one.folder, set()).add(one.above)
    twice = sorted(folder for folder, above in places.items() if len(above) > 1)
    if twice:
        notes.append(f"Folders of one name in several places were taken for one patient: {_some(twice)}.")
    return notes


def _refuse_misplaced(known: list[tuple[Placed, str | None]]) -> None:
    """Refuse a file in the folder of one patient whose name says another; both are known as patients."""
    for one, name in known:
        if name != one.folder:
            raise WrongLabel(f"{one.path} says patient {name} but stands in folder {one.folder}: move or rename it")


def _no_patients(folders: Collection[str]) -> list[str]:
    """The folders whose names are no patients'; dates are none either."""
    plain = {folder: re.sub(r"[ _.-]", "", folder.lower()) for folder in sorted(folders)}
    return [folder for folder, name in plain.items() if _NO_PATIENTS.fullmatch(name) or _is_date(folder)]


def _is_date(folder: str) -> bool:
    return bool(re.fullmatch(r"\d{4}([-_.])\d{1,2}\1\d{1,2}|\d{1,2}([-_.])\d{1,2}\2\d{4}", folder, re.ASCII))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
