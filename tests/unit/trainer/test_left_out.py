"""No file is left out without being counted and named."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from idc_trainer.__main__ import main
from idc_trainer.data.check import check_data
from idc_trainer.data.index import index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.left_out import LeftOut, Reason, tell_left_out
from idc_trainer.data.reading import DataSet, read_patches
from idc_trainer.data.source import NamedPlace
from idc_trainer.errors import DataEmpty, FileUnreadable, OneClassOnly
from idc_trainer.progress import Progress
from support.made_patches import write_patch_folder

PATIENTS = {"8863": (2, 2), "8865": (2, 2), "1": (1, 1)}
PATCHES = 10

STRAYS = {
    "overview.png": Reason.NO_CLASS_FOLDER,
    "8863/slide_overview.png": Reason.NO_CLASS_FOLDER,
    "1/overview.png": Reason.NO_CLASS_FOLDER,  # patient 1, not class 1
    "8863/1/masks/a.png": Reason.NO_CLASS_FOLDER,
    "8865/discarded/8865_idx5_x7_y7_class0.png": Reason.NO_CLASS_FOLDER,
    "8863/0/Thumbs.db": Reason.NO_IMAGE,
    "notes.txt": Reason.NO_IMAGE,
    "8863/0/without-an-ending": Reason.NO_IMAGE,
    "archive.zip": Reason.NO_IMAGE,
    ".DS_Store": Reason.HIDDEN,
    "__MACOSX/8863/0/._a.png": Reason.HIDDEN,
    ".thumbs/0/a.png": Reason.HIDDEN,
    "8863/0/._8863_idx5_x0_y1_class0.png": Reason.HIDDEN,
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path / "tree", PATIENTS)


def _write(path: Path, content: bytes = b"junk") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _left_out(path: Path) -> dict[str, Reason]:
    index = index_patches(open_patches(path), lambda *_: None, skip_unreadable=True)
    assert len(index) == PATCHES
    return {file.path: file.reason for file in index.left_out}


@pytest.mark.parametrize("name", STRAYS)
def test_a_file_that_is_not_a_patch_is_named_and_the_rest_goes_on(tree: Path, name: str) -> None:
    _write(tree / name)

    assert _left_out(tree) == {name: STRAYS[name]}


def test_every_file_is_either_used_or_left_out_in_a_folder_as_in_a_zip(tree: Path, tmp_path: Path) -> None:
    for name in STRAYS:
        _write(tree / name)
    shutil.copytree(tree / "8865", tree / "again" / "8865")
    archive = shutil.make_archive(str(tmp_path / "set"), "zip", tree)

    found = _left_out(tree)

    assert len(found) == len([path for path in tree.rglob("*") if path.is_file()]) - PATCHES
    assert _left_out(Path(archive)) == found
    assert list(found.values()).count(Reason.SAME_AGAIN) == 4


@pytest.mark.parametrize("name", ["a.JPG", "a.jpeg", "a.tif", "a.TIFF", "a.bmp", "a.webp", "a.PNG"])
def test_a_patch_of_any_format_that_the_services_read_is_used(tree: Path, name: str) -> None:
    path = tree / "8863" / "1" / f"8863_idx5_x50_y50_class1.{name.partition('.')[2]}"
    Image.new("RGB", (50, 50), (120, 75, 140)).save(path)

    index = index_patches(open_patches(tree), lambda *_: None, skip_unreadable=False)

    (row,) = (row for row, file in enumerate(index.files) if file.name == path.name)
    assert (len(index), index.patients[row], bool(index.labels[row])) == (PATCHES + 1, "8863", True)
    assert (index.files[row].place, index.left_out) == (NamedPlace("8863", 50, 50), ())


@pytest.mark.parametrize("size_px", [(50, 1), (2, 26), (9, 50), (513, 50), (2000, 1500)])
def test_an_image_of_no_patchs_size_is_left_out_without_an_option(tree: Path, size_px: tuple[int, int]) -> None:
    Image.new("RGB", size_px).save(tree / "8863" / "0" / "8863_idx5_x9_y9_class0.png")

    index = index_patches(open_patches(tree), lambda *_: None, skip_unreadable=False)

    width_px, height_px = size_px
    assert len(index) == PATCHES
    assert index.left_out == (
        LeftOut("8863/0/8863_idx5_x9_y9_class0.png", Reason.NO_PATCH_SIZE, f"the image is {width_px} x {height_px} px"),
    )


def test_a_file_with_too_many_bytes_is_not_a_patch(tree: Path) -> None:
    _write(tree / "8863" / "0" / "8863_idx5_x9_y9_class0.tif", b"II*\0" + bytes(5 * 2**20))

    assert _left_out(tree) == {"8863/0/8863_idx5_x9_y9_class0.tif": Reason.NO_PATCH_SIZE}


@pytest.mark.parametrize("kind", ["empty", "damaged", "link to nothing", "pipe"])
def test_what_cannot_be_read_is_an_error_unless_it_may_be_skipped(tree: Path, kind: str) -> None:
    path = tree / "8863" / "0" / "8863_idx5_x9_y9_class0.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to nothing":
        path.symlink_to("nothing")
    else:
        path.write_bytes(b"" if kind == "empty" else b"\x89PNG\r\n\x1a\n")

    with pytest.raises(FileUnreadable, match=rf"{path.name}.*--skip-unreadable"):
        index_patches(open_patches(tree), lambda *_: None, skip_unreadable=False)

    assert _left_out(tree) == {path.relative_to(tree).as_posix(): Reason.UNREADABLE}


def test_a_folder_that_cannot_be_listed_is_an_error_unless_it_may_be_skipped(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "lost+found").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("lost+found"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    with pytest.raises(FileUnreadable, match=r"lost\+found/: cannot list the folder \(Permission denied\)"):
        index_patches(open_patches(tree), lambda *_: None, skip_unreadable=False)

    assert _left_out(tree) == {"lost+found/": Reason.UNREADABLE}


def test_a_name_that_is_not_text_is_shown_and_written(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / os.fsdecode(b"caf\xe9.txt")).write_text("")
    shutil.copy(
        tree / "8863" / "0" / "8863_idx5_x0_y1_class0.png",
        tree / "8863" / "0" / os.fsdecode(b"8863_idx5_x9_y9_class0.\xe9.png"),
    )

    assert main(["data", "check", str(tree), "--json", str(tree.parent / "report.json")]) == 0

    assert r"caf\udce9.txt: its name" in capsys.readouterr().out
    (file,) = json.loads((tree.parent / "report.json").read_text())["left_out"]
    assert os.fsencode(file["path"]) == b"caf\xe9.txt"


def test_only_files_that_are_not_patches_are_refused_with_what_they_are(tmp_path: Path) -> None:
    for name in ("8863/slide.png", "archive.zip", "a.txt"):
        _write(tmp_path / name)

    with pytest.raises(DataEmpty, match=r"2 no image by its name, such as a\.txt; 1 in no class folder, such as 8863/"):
        open_patches(tmp_path)


def test_data_of_strips_alone_are_refused_with_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a/0/a_idx5_x1_y1_class0.png", "b/1/b_idx5_x1_y1_class1.png"):
        Image.new("RGB", (50, 1)).save(_write(tmp_path / name))

    assert main(["data", "check", str(tmp_path)]) == DataEmpty.exit_code
    assert "2 no patch by its size, such as a/0/a_idx5_x1_y1_class0.png" in capsys.readouterr().err


def test_a_class_whose_files_are_all_left_out_is_reported_with_them(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in tree.rglob("1/*.png"):
        path.rename(path.with_suffix(".gif"))

    assert main(["data", "check", str(tree)]) == OneClassOnly.exit_code
    assert "one class only" in (line := capsys.readouterr().err.splitlines()[-1])
    assert "not used: 5 no image by its name, such as 1/1/1_idx5_x0_y51_class1.gif" in line


def test_the_first_of_many_are_named_and_all_are_counted() -> None:
    lines = list(tell_left_out([LeftOut(f"{n}.txt", Reason.NO_IMAGE, "text") for n in range(12)]))

    assert lines[0] == "Left out, no image by its name: 12"
    assert lines[10:] == ["  9.txt: text", "  ... and 2 more: `idc-trainer data check --json FILE` lists all"]


def test_reading_reports_what_is_left_out_and_what_contradicts_itself(
    tree: Path, silent: Progress, caplog: pytest.LogCaptureFixture
) -> None:
    _write(tree / "notes.txt")
    shutil.copy(tree / "8863/0/8863_idx5_x0_y1_class0.png", tree / "8865/1/8865_idx5_x900_y51_class1.png")
    shutil.copy(tree / "8863/1/8863_idx5_x0_y51_class1.png", tree / "8863/0/8863_idx5_x50_y51_class0.png")

    read_patches(DataSet(tree), silent)

    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "Left out, no image by its name: 1\n  notes.txt: " in said
    assert "8865_idx5_x900_y51_class1.png, of different patients (8863, 8865)!, of different classes!" in said
    assert "= 8863/1/8863_idx5_x0_y51_class1.png, of different classes!" in said
    assert "Places with both labels: 1\n  8863 x 50 y 51: 8863/0/8863_idx5_x50_y51_class0.png, 8863/1/8863" in said


def test_a_place_with_both_labels_is_in_the_report(tree: Path, silent: Progress) -> None:
    source = tree / "8863/0/8863_idx5_x0_y1_class0.png"
    Image.open(source).rotate(90).save(tree / "8863/1/8863_idx5_x0_y1_class1.png")

    (place,) = check_data(read_patches(DataSet(tree), silent)).same_places

    assert (place.patient, place.x_px, place.y_px, place.across_classes, len(place.paths)) == ("8863", 0, 1, True, 2)


def test_a_zip_with_zip64_and_data_descriptors_is_read(tree: Path, tmp_path: Path) -> None:
    with (tmp_path / "set.zip").open("wb") as file, zipfile.ZipFile(_Unseekable(file), "w") as archive:
        for path in sorted(tree.rglob("*.png")):
            with archive.open(path.relative_to(tree).as_posix(), "w", force_zip64=True) as entry:
                entry.write(path.read_bytes())

    assert _left_out(tmp_path / "set.zip") == {}


class _Unseekable:
    """What a pipe is to a zip's writer: sizes and checksums come after the data."""

    def __init__(self, file: object) -> None:
        self.write = file.write  # type: ignore[attr-defined]
        self.flush = file.flush  # type: ignore[attr-defined]
