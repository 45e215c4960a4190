"""Finds the patches among the files of a folder or a zip; the class is the folder that a file is in."""

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final

from idc_trainer.data.left_out import LeftOut, Reason
from idc_trainer.data.owners import Placed, find_owners
from idc_trainer.data.source import (
    SUFFIXES,
    Listing,
    PatchFile,
    PatientsFrom,
    check_label,
    class_in_name,
    read_name,
    sort_files,
)
from idc_trainer.errors import WrongLabel

CLASSES: Final = ("0", "1")
"""The class folders: no IDC, IDC."""

_CLASS_ENDS: Final = tuple((name,) for name in CLASSES)

# Folders that can only be meant as a class: leaving them out would train on a part of the data.
_CLASS_LIKE: Final = re.compile(
    r"\d|(class|label)\d+|(non?|invasive)?(idc|tumou?r|cancer)|idc(\+|-|pos|neg|positive|negative)|(ab)?normal|healthy|"
    r"benign|malignant|pos(itive)?|neg(ative)?",
    re.ASCII,
)

Same = Callable[[PatchFile, PatchFile], bool]
"""Whether two files have the same content."""


def list_tree(paths: Iterable[str], same: Same, patients_from: PatientsFrom) -> Listing:
    """Find the patches among the paths of a tree.

    A patch is an image in a class folder, `0` or `1`, below any folders. Everything else is left out and listed. The
    public set's zip holds its tree twice; a patch that occurs twice counts once.

    Args:
        paths: All files, relative, parts separated by `/`.
        same: Whether two files of one patient, class and name have the same content.
        patients_from: NAMES or FOLDERS.

    Raises:
        WrongLabel: A folder is meant as a class and is neither `0` nor `1`, or a file's name gives another class or
            patient than its folder.
        PatientUnknown: Nothing gives the patient of a file.
    """
    images, left_out = find_images(paths)
    placed, strays = _in_class_folders(images)
    owners, notes = find_owners(placed, patients_from)
    files = [PatchFile(one.path, owner, one.label) for one, owner in zip(placed, owners, strict=True)]
    kept, again = _without_twins(sort_files(files), same)
    return Listing(kept, patients_from, (*left_out, *strays, *again), notes)


def find_images(paths: Iterable[str]) -> tuple[list[str], list[LeftOut]]:
    """The files with the suffix of an image, sorted; and those without, or hidden."""
    images: list[str] = []
    left_out: list[LeftOut] = []
    for path in sorted(paths):
        # macOS adds a `._name.png` for each `name.png`, in zips below the folder __MACOSX.
        if any(part.startswith(".") or part == "__MACOSX" for part in _parts(path)):
            left_out.append(LeftOut(path, Reason.HIDDEN, "its name or a folder of it is hidden"))
        elif not path.lower().endswith(SUFFIXES):
            left_out.append(LeftOut(path, Reason.NO_IMAGE, _what_it_is(path)))
        else:
            images.append(path)
    return images, left_out


def _what_it_is(path: str) -> str:
    if path.lower().endswith(".zip"):
        return "a zip in the data is not opened: unpack it, or pass it itself"
    return f"its name does not end with one of {' '.join(SUFFIXES)}"


def _parts(path: str) -> list[str]:
    """Folders and name, without `./` and `../`, which zips may hold."""
    return [part for part in path.split("/") if part not in ("", ".", "..")]


def _in_class_folders(images: list[str]) -> tuple[list[Placed], list[LeftOut]]:
    # A patient may be called 1, and a set idc: a folder that contains class folders is not a class.
    folders = {tuple(_parts(path)[:-1]) for path in images}
    holds_classes = {folder[:end] for folder in folders if folder[-1:] in _CLASS_ENDS for end in range(len(folder))}
    placed: list[Placed] = []
    strays: list[LeftOut] = []
    for path in images:
        *folders_of, name = _parts(path)
        above, folder = tuple(folders_of[:-1]), "".join(folders_of[-1:])
        is_class = tuple(folders_of) not in holds_classes
        if is_class and folder in CLASSES:
            check_label(path, int(folder), f"is in folder {folder}")
            named = read_name(name)
            placed.append(Placed(path, above, int(folder), named.patient if named else None))
            continue
        _refuse_meant_as_class(path, folder, is_class=is_class)
        where = f"it is in {folder}" if folder else "it is in no folder"
        strays.append(LeftOut(path, Reason.NO_CLASS_FOLDER, f"{where}, not in a class folder 0 or 1"))
    return placed, strays


def _refuse_meant_as_class(path: str, folder: str, *, is_class: bool) -> None:
    if not is_class and folder in CLASSES and class_in_name(path):
        raise WrongLabel(f"{path} is in {folder}, which also holds class folders: move these out of it")
    if is_class and _CLASS_LIKE.fullmatch(re.sub(r"[ _-]", "", folder.lower())):
        raise WrongLabel(
            f"{path} is in {folder}, which is not a class: name class folders 0 (no IDC) or 1 (IDC), move the folder "
            "out of the data, or list the files in a CSV file path,patient,label"
        )


def _without_twins(files: list[PatchFile], same: Same) -> tuple[list[PatchFile], list[LeftOut]]:
    kept: list[PatchFile] = []
    again: list[LeftOut] = []
    for _, group in groupby(files, key=lambda file: (file.patient, file.label, file.name)):
        distinct: list[PatchFile] = []
        for file in group:
            twin = next((other for other in distinct if same(file, other)), None)
            if twin:
                again.append(LeftOut(file.path, Reason.SAME_AGAIN, f"it is the same file as {twin.path}"))
            else:
                distinct.append(file)
        kept += distinct
    return kept, again
