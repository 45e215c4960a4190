"""The same patches in each layout are the same data."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from idc_trainer.data.layouts import open_patches
from idc_trainer.data.left_out import Reason
from idc_trainer.data.source import NamedPlace, PatientsFrom
from idc_trainer.errors import DataEmpty, FileUnreadable, PatientUnknown, WrongLabel
from support.made_patches import write_patch_folder, write_patch_zip

PATIENTS = {"8863": (2, 1), "8865": (0, 2)}
TOP = "IDC_regular_ps50_idx5/"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path / "tree", PATIENTS)


def _flat(tree: Path, to: Path) -> Path:
    """The layout of 2018: a folder for each class, patients only in the names."""
    for file in sorted(tree.rglob("*.png")):
        target = to / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return to


def _listed(tree: Path) -> Path:
    files = sorted(tree.rglob("*.png"), reverse=True)
    rows = [f"{f.relative_to(tree).as_posix()},{f.parts[-3]},{f.parent.name}" for f in files]
    (tree / "list.csv").write_text("\n".join(["path,patient,label", *rows]))
    return tree / "list.csv"


def _twice(tree: Path, to: Path) -> Path:
    shutil.copytree(tree, to / TOP)
    return shutil.copytree(tree, to, dirs_exist_ok=True)


LAYOUTS: dict[str, Callable[[Path, Path], Path]] = {
    "folder below folders": lambda tree, to: shutil.copytree(tree, to / "a" / "b" / "set").parents[1],
    "2018": _flat,
    "2018 below folders": lambda tree, to: _flat(tree, to / "train").parent,
    "zip": lambda tree, to: write_patch_zip(to / "set.zip", tree),
    "zip with a top folder": lambda tree, to: write_patch_zip(to / "set.zip", tree, (TOP,)),
    "zip with the tree twice": lambda tree, to: write_patch_zip(to / "download", tree, ("", TOP)),
    "unpacked zip with the tree twice": lambda tree, to: _twice(tree, to / "unpacked"),
    "list": lambda tree, _: _listed(tree),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_the_same_patches_in_the_same_order(layout: str, tree: Path, tmp_path: Path) -> None:
    expected = open_patches(tree)
    (tmp_path / "other").mkdir()

    source = open_patches(LAYOUTS[layout](tree, tmp_path / "other"))

    said = [[(f.patient, f.label, f.name, f.place) for f in one.listing.files] for one in (expected, source)]
    assert said[0] == said[1]
    assert [source.read(file) for file in source.listing.files] == [
        expected.read(file) for file in expected.listing.files
    ]


def test_a_name_gives_the_place_in_the_slide(tree: Path) -> None:
    file = open_patches(tree).listing.files[1]

    assert (file.path, file.name) == ("8863/0/8863_idx5_x50_y1_class0.png", "8863_idx5_x50_y1_class0.png")
    assert (file.patient, file.label, file.place) == ("8863", 0, NamedPlace("8863", 50, 1))


def test_a_name_of_another_form_gives_no_place(tmp_path: Path) -> None:
    path = write_patch_folder(tmp_path, {"p": (1, 0)}) / "p" / "0"
    next(path.iterdir()).rename(path / "first.PNG")

    (file,) = open_patches(tmp_path, PatientsFrom.FOLDERS).listing.files

    assert (file.patient, file.place) == ("p", None)


def test_patches_of_equal_name_and_other_content_are_both_kept(tmp_path: Path) -> None:
    write_patch_folder(tmp_path / "one", {"p": (2, 0)}, seed=1)
    write_patch_folder(tmp_path / "two", {"p": (1, 0)}, seed=2)

    assert len(open_patches(tmp_path).listing.files) == 3


def test_a_link_to_the_folder_above_counts_nothing_twice_and_is_named(tree: Path) -> None:
    (tree / "8863" / "0" / "up").symlink_to(tree)

    listing = open_patches(tree).listing

    assert len(listing.files) == 5
    assert [(one.path, one.reason) for one in listing.left_out] == [("8863/0/up/", Reason.SAME_AGAIN)]


def test_a_linked_patient_counts(tree: Path, tmp_path: Path) -> None:
    shutil.move(tree / "8863", tmp_path / "elsewhere")
    (tree / "8863").symlink_to(tmp_path / "elsewhere")

    assert len(open_patches(tree).listing.files) == 5


@pytest.mark.parametrize(
    ("path", "error", "text"),
    [
        ("8863/2/a.png", WrongLabel, r"8863/2/a\.png is in 2, which is not a class: name class folders 0"),
        ("8863/IDC+/a.png", WrongLabel, r"is in IDC\+, which is not a class"),
        ("8863/non-IDC/a.png", WrongLabel, "is in non-IDC, which is not a class"),
        ("8863/1/0/a.png", WrongLabel, "is in 1, which also holds class folders: move these out of it"),
        ("malignant/a.png", WrongLabel, "is in malignant, which is not a class"),
        ("8863/0/8863_idx5_x1_y1_class1.png", WrongLabel, "says class 1 but is in folder 0"),
        ("8863/0/a_class7.png", WrongLabel, "says class 7 but is in folder 0"),
        ("8863/0/8865_idx5_x1_y1_class0.png", WrongLabel, "says patient 8865 but is in folder 8863"),
        ("0/a.png", PatientUnknown, r"0/a\.png does not name its patient, as 1 of 6 .*: list the files in a CSV"),
    ],
)
def test_a_file_in_a_wrong_place_is_named(tree: Path, path: str, error: type[Exception], text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_bytes(b"")

    with pytest.raises(error, match=text):
        open_patches(tree)


@pytest.mark.parametrize("name", ["absent", "empty", "text.txt"])
def test_nothing_to_read_is_refused_with_what_to_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("text")

    with pytest.raises(DataEmpty, match="pass "):
        open_patches(tmp_path / name)


def test_a_file_that_went_away_is_unreadable(tree: Path) -> None:
    source = open_patches(tree)
    (tree / source.listing.files[2].path).unlink()

    with pytest.raises(FileUnreadable, match=r"8863_idx5_x0_y51_class1\.png: cannot read it"):
        source.read(source.listing.files[2])
