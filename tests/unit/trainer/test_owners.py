"""No patient is invented from a folder's name without asking."""

import shutil
from pathlib import Path

import pytest

from idc_trainer.__main__ import main
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.source import PatientsFrom
from idc_trainer.errors import PatientUnknown, WrongLabel
from support.made_patches import write_patch_folder

DIVISIONS = [
    ("train", "val", "test"),
    ("training", "validation", "testing"),
    ("Train", "Valid", "Test"),
    ("train_set", "dev", "test-set"),
    ("fold1", "fold2", "fold_3"),
    ("split_0", "split_1", "split_2"),
    ("batch1", "batch2", "part-3"),
    ("images", "patches", "all"),
    ("benign", "malignant", "normal"),
    ("patients", "unknown", "other"),
    ("2021-03-04", "2021-3-5", "06.03.2021"),
]


def _nameless(root: Path, folders: tuple[str, ...]) -> Path:
    """Patches whose names say no patient, as `<folder>/<class>/img<N>.png`."""
    write_patch_folder(root, dict.fromkeys(folders, (2, 2)))
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.rename(path.with_name(f"img{number}.png"))
    return root


def _divided(root: Path, folders: tuple[str, ...]) -> Path:
    """Patches whose names say the patients, divided over folders of other names."""
    for folder, patient in zip(folders, ("8863", "8865", "8867"), strict=True):
        write_patch_folder(root / "whole", {patient: (2, 2)})
        shutil.move(root / "whole" / patient, root / folder)
    return root


def _check(path: Path, *more: str) -> int:
    return main(["data", "check", str(path), *more])


@pytest.mark.parametrize("folders", DIVISIONS)
def test_the_file_names_say_the_patients_whatever_the_folders_are_called(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    listing = open_patches(_divided(tmp_path, folders)).listing

    assert {file.patient for file in listing.files} == {"8863", "8865", "8867"}
    assert listing.patients_from is PatientsFrom.NAMES
    assert "do not count as patients" in " ".join(listing.notes)


@pytest.mark.parametrize("folders", [*DIVISIONS, ("p1", "p2", "p3")])
def test_names_that_say_no_patient_are_refused_with_the_remedies(
    tmp_path: Path, folders: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _check(_nameless(tmp_path, folders)) == PatientUnknown.exit_code

    line = capsys.readouterr().err.splitlines()[-1]
    assert "does not name its patient, as 12 of 12 file names do not" in line
    assert "list the files in a CSV file path,patient,label" in line
    assert ("(p1, p2, p3) is one patient, add --patient-from folders" in line) is ("p1" in folders)


def test_a_person_may_say_that_folders_are_patients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _nameless(tmp_path / "data", ("p1", "p2", "p3"))

    assert _check(data, "--patient-from", "folders", "--json", str(tmp_path / "report.json")) == 0

    out = capsys.readouterr().out
    assert "all 3" in out
    assert "Patients are taken from: the folders above the class folders (--patient-from folders)" in out
    assert '"patients_from": "folders"' in (tmp_path / "report.json").read_text()


@pytest.mark.parametrize("folders", DIVISIONS)
def test_folders_that_divide_a_set_are_not_patients_even_if_a_person_says_so(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    with pytest.raises(PatientUnknown, match=r"would treat .* as patients, but .* list the files in a CSV"):
        open_patches(_nameless(tmp_path, folders), PatientsFrom.FOLDERS)


def test_a_file_in_no_patients_folder_has_no_patient(tmp_path: Path) -> None:
    shutil.move(_nameless(tmp_path, ("p1",)) / "p1" / "0", tmp_path / "0")

    with pytest.raises(PatientUnknown, match=r"0/img0\.png is in no patient's folder: list the files"):
        open_patches(tmp_path, PatientsFrom.FOLDERS)


def test_where_folders_and_names_disagree_the_chosen_one_is_used_and_reported(tmp_path: Path) -> None:
    data = _divided(tmp_path, ("anna", "berta", "clara"))

    by_names, by_folders = (open_patches(data, by).listing for by in (PatientsFrom.NAMES, PatientsFrom.FOLDERS))

    assert {file.patient for file in by_names.files} == {"8863", "8865", "8867"}
    assert (
        "(anna, berta, clara) do not count as patients. If they are patients, add --patient-from" in by_names.notes[0]
    )
    assert {file.patient for file in by_folders.files} == {"anna", "berta", "clara"}
    assert by_folders.notes == ["12 file names give another patient than their folder; the folder was used."]


@pytest.mark.parametrize("by", [PatientsFrom.NAMES, PatientsFrom.FOLDERS])
def test_a_patch_in_the_folder_of_another_patient_is_refused(tmp_path: Path, by: PatientsFrom) -> None:
    write_patch_folder(tmp_path, {"8863": (1, 1), "8865": (1, 1)})
    path = tmp_path / "8865" / "0" / "8865_idx5_x0_y1_class0.png"
    path.rename(tmp_path / "8863" / "0" / path.name)

    with pytest.raises(WrongLabel, match="says patient 8865 but is in folder 8863"):
        open_patches(tmp_path, by)


def test_a_nameless_file_beside_named_ones_belongs_to_their_patient_and_is_reported(tmp_path: Path) -> None:
    path = next(write_patch_folder(tmp_path, {"8863": (2, 1)}).rglob("*class1.png"))
    path.rename(path.with_name("extra.png"))

    listing = open_patches(tmp_path).listing

    assert {file.patient for file in listing.files} == {"8863"}
    assert listing.notes[0].startswith("1 file names name no patient; their folders have the names of patients")


def test_a_patient_in_several_places_is_one_and_is_reported(tmp_path: Path) -> None:
    _nameless(tmp_path / "site-a", ("p1", "p2"))
    write_patch_folder(tmp_path / "site-b", {"p1": (1, 1)}, seed=1)

    listing = open_patches(tmp_path, PatientsFrom.FOLDERS).listing

    assert {file.patient for file in listing.files} == {"p1", "p2"}
    assert listing.notes == ["Folders of one name in several places count as one patient: p1."]
