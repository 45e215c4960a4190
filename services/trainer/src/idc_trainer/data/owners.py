"""Finds the patient of each file: from its name, or from its folder if the user says so."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Final

from idc_trainer.data.source import NAME_FORM, PatientsFrom
from idc_trainer.errors import PatientUnknown, WrongLabel, printable

_NAMED: Final = 5  # folders named in a message

# Names of folders that divide a data set or hold all of it: never a patient.
_NO_PATIENTS: Final = re.compile(
    r"(train|val|valid|test)(ing|idation|ation)?(set|data)?\d*|dev|holdout|(fold|split|part|batch|shard|cv)\d*|"
    r"(image|patche?|picture|photo|slide|tile|file|data|dataset)s?|all|export|raw|unlabell?ed|labell?ed|"
    r"patients|cases|(set|group)\d*|unknown|other|misc|new|old|"
    r"benign|malignant|positive|negative|normal|tumou?r|cancer|(non?)?idc|idcregularps50idx5",
    re.ASCII,
)

_DATE: Final = re.compile(r"\d{4}([-_.])\d{1,2}\1\d{1,2}|\d{1,2}([-_.])\d{1,2}\2\d{4}", re.ASCII)

_REMEDY: Final = "list the files in a CSV file path,patient,label"


@dataclass(frozen=True, slots=True)
class Placed:
    """An image in a class folder."""

    path: str
    above: tuple[str, ...]
    """The folders above the class folder."""
    label: int
    named: str | None
    """The patient in the file name, if it has the form NAME_FORM."""

    @property
    def folder(self) -> str:
        """The folder above the class folder, or empty."""
        return self.above[-1] if self.above else ""


def find_owners(placed: Sequence[Placed], patients_from: PatientsFrom) -> tuple[list[str], list[str]]:
    """Find the patient of each image.

    Args:
        placed: The images.
        patients_from: NAMES or FOLDERS.

    Returns:
        A patient for each image, and notes for people.

    Raises:
        PatientUnknown: Nothing reliable gives the patient of a file.
        WrongLabel: A file is in the folder of another patient than its name says.
    """
    owners, notes = _from_folders(placed) if patients_from is PatientsFrom.FOLDERS else _from_names(placed)
    return [intern(printable(owner)) for owner in owners], notes


def _from_names(placed: Sequence[Placed]) -> tuple[list[str], list[str]]:
    known = {one.named for one in placed if one.named is not None}
    _refuse_misplaced([one for one in placed if one.named and one.folder in known])
    unknown = [one for one in placed if one.named is None and one.folder not in known]
    if unknown:
        raise PatientUnknown(_unknown_text(unknown, len(placed)))
    return [one.folder if one.named is None else one.named for one in placed], _notes_on_names(placed, known)


def _unknown_text(unknown: Sequence[Placed], count: int) -> str:
    folders = sorted({one.folder for one in unknown} - {""})
    asked = f"if each folder above class folders ({_some(folders)}) is one patient, add --patient-from folders; else "
    return (
        f"{unknown[0].path} does not name its patient, as {len(unknown)} of {count} file names do not: "
        f"{asked if folders and not _no_patients(folders) else ''}{_REMEDY}, or name them {NAME_FORM}"
    )


def _notes_on_names(placed: Sequence[Placed], known: Collection[str]) -> list[str]:
    notes = []
    others = sorted({one.folder for one in placed if one.named} - {*known, ""})
    if others:
        notes.append(
            f"The patients are those of the file names; the folders above the class folders ({_some(others)}) do not "
            "count as patients. If they are patients, add --patient-from folders."
        )
    nameless = sum(one.named is None for one in placed)
    if nameless:
        notes.append(
            f"{nameless} file names name no patient; their folders have the names of patients of other files, and "
            "count as those patients."
        )
    return notes


def _from_folders(placed: Sequence[Placed]) -> tuple[list[str], list[str]]:
    homeless = [one for one in placed if not one.folder]
    if homeless:
        raise PatientUnknown(f"{homeless[0].path} is in no patient's folder: {_REMEDY}")
    folders = {one.folder for one in placed}
    if wrong := _no_patients(folders):
        raise PatientUnknown(
            f"--patient-from folders would treat {_some(wrong)} as patients, but folders of such names hold many: "
            f"put each patient's class folders into its own folder, or {_REMEDY}"
        )
    _refuse_misplaced([one for one in placed if one.named in folders])
    return [one.folder for one in placed], _notes_on_folders(placed)


def _notes_on_folders(placed: Sequence[Placed]) -> list[str]:
    notes = []
    differ = sum(one.named not in (None, one.folder) for one in placed)
    if differ:
        notes.append(f"{differ} file names give another patient than their folder; the folder was used.")
    places: dict[str, set[tuple[str, ...]]] = {}
    for one in placed:
        places.setdefault(one.folder, set()).add(one.above)
    twice = sorted(folder for folder, above in places.items() if len(above) > 1)
    if twice:
        notes.append(f"Folders of one name in several places count as one patient: {_some(twice)}.")
    return notes


def _refuse_misplaced(known: Sequence[Placed]) -> None:
    """Refuse a file in the folder of one known patient whose name gives another."""
    for one in known:
        if one.named != one.folder:
            raise WrongLabel(f"{one.path} says patient {one.named} but is in folder {one.folder}: move or rename it")


def _no_patients(folders: Collection[str]) -> list[str]:
    """The folders whose names cannot be patients, dates among them."""
    plain = {folder: re.sub(r"[ _.-]", "", folder.lower()) for folder in sorted(folders)}
    return [folder for folder, name in plain.items() if _NO_PATIENTS.fullmatch(name) or _DATE.fullmatch(folder)]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
