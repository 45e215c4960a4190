"""Reads patients and classes from the folders that the images stand in, on a disk or in a zip."""

from collections.abc import Callable, Iterable
from itertools import groupby
from sys import intern
from typing import Final

from idc_trainer.data.source import NAME_FORM, PatchFile, check_label, read_name, sort_files
from idc_trainer.errors import PatientUnknown, WrongLabel

CLASSES: Final = ("0", "1")
"""The class folders: no IDC, IDC."""

Same = Callable[[PatchFile, PatchFile], bool]
"""Whether two files have the same content."""


def files_in_tree(paths: Iterable[str], same: Same) -> list[PatchFile]:
    """Find the patches among the paths of a tree.

    The patient is the folder above the class folder. Where there is none, or where the file names say the patients and
    none of these folders is one of them (`train/0/8863_idx5_...png`), the patient is taken from the file name. Folders
    above do not matter. The public set's zip holds its tree twice; a patch that is there twice counts once.

    Args:
        paths: All files, relative, parts divided by `/`; what is no PNG image is passed over.
        same: Tells whether two files of one patient, class and name have the same content.

    Returns:
        The patches, sorted by patient, label and name.

    Raises:
        WrongLabel: A folder is neither `0` nor `1`, or a file's name says another class or patient than its folder.
        PatientUnknown: Neither a folder nor the file's name says whose patch it is.
    """
    images = [path for path in paths if _is_image(path)]
    by_name = _only_names_say_the_patient(images)
    return _without_twins(sort_files([_file(path, by_name=by_name) for path in images]), same)


def _is_image(path: str) -> bool:
    # macOS adds a `._name.png` for each `name.png`, in zips below the folder __MACOSX.
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in _parts(path))
    return path.lower().endswith(".png") and not hidden


def _parts(path: str) -> list[str]:
    """Folders and name; zips may hold `./` and `../`, which say nothing."""
    return [part for part in path.split("/") if part not in ("", ".", "..")]


def _only_names_say_the_patient(paths: list[str]) -> bool:
    folders: set[str] = set()
    patients: set[str] = set()
    for path in paths:
        *above, _, name = ["", "", *_parts(path)]
        place = read_name(name)
        if place is None:
            return False
        folders.add(above[-1])
        patients.add(place.patient)
    return folders.isdisjoint(patients)


def _file(path: str, *, by_name: bool) -> PatchFile:
    *_, patient, _, name = ["", "", *_parts(path)]
    label = _label(path)
    place = read_name(name)
    if place is None:
        return PatchFile(path, intern(_known(patient, path)), label)
    if patient and not by_name and place.patient != patient:
        raise WrongLabel(f"{path} says patient {place.patient} but stands in folder {patient}: move or rename it")
    return PatchFile(path, intern(place.patient), label)


def _label(path: str) -> int:
    *above, folder, _ = ["", *_parts(path)]
    if not folder:
        raise WrongLabel(f"{path} stands in no class folder: move it to <patient>/0 or <patient>/1, or away")
    if folder not in CLASSES:
        place = "/".join([*above, folder]).lstrip("/")
        raise WrongLabel(f"{place} is no class: name a class folder 0 (no IDC) or 1 (IDC)")
    check_label(path, int(folder), f"stands in folder {folder}")
    return int(folder)


def _known(patient: str, path: str) -> str:
    if not patient:
        raise PatientUnknown(
            f"{path} does not say whose patch it is: name it {NAME_FORM}, "
            "put it in <patient>/<class>/, or list the files in a CSV file path,patient,label"
        )
    return patient


def _without_twins(files: list[PatchFile], same: Same) -> list[PatchFile]:
    kept: list[PatchFile] = []
    for _, group in groupby(files, key=lambda file: (file.patient, file.label, file.name)):
        distinct: list[PatchFile] = []
        for file in group:
            if not any(same(file, other) for other in distinct):
                distinct.append(file)
        kept += distinct
    return kept
