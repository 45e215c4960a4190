"""A part of the public data set, as it is downloaded, in each layout and through every command without an option.

What is stated holds of any part of the set that IDC_DATA names.
"""

import struct
from itertools import islice
from pathlib import Path

import pytest

from idc_modelio.patches import MIN_SIDE_PX
from idc_trainer.__main__ import main
from idc_trainer.data.check import DataReport, check_data
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.left_out import Reason
from idc_trainer.data.source import PatientsFrom
from idc_trainer.splits.folds import check_folds, k_folds, leave_one_patient_out
from support.made_patches import write_patch_zip

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PATIENTS, PATCHES = 20, 40
FAST = ["--input-px", "64", "--stages", "stage4,stage6", "--train-from", "none", "--passes", "0"]


def _index(path: Path) -> PatchIndex:
    return index_patches(open_patches(path), lambda *_: None, skip_unreadable=False)


def _sides_px(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        width_px, height_px = struct.unpack(">II", file.read(24)[16:])
    return width_px, height_px


@pytest.fixture(scope="module")
def strips(idc_data: Path) -> list[Path]:
    """The patches that are cut to strips at the edge of a slide."""
    found = [path for path in (idc_data / "idc").rglob("*.png") if min(_sides_px(path)) < MIN_SIDE_PX]
    if not found:
        pytest.skip("this part of the public set has no strips")
    return found


@pytest.fixture(scope="module")
def sample(idc_data: Path, strips: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some patches of some patients with both classes, and a few strips of theirs, in the set's own layout."""
    root = tmp_path_factory.mktemp("sample")
    cut = {strip.parts[-3] for strip in strips}
    mixed = [patient for patient in sorted((idc_data / "idc").iterdir()) if len(list(patient.iterdir())) == 2]
    for patient in sorted(mixed, key=lambda folder: folder.name not in cut)[:PATIENTS]:
        for folder in patient.iterdir():
            files = [*islice(sorted(folder.iterdir()), PATCHES), *(one for one in strips if one.parent == folder)]
            (root / patient.name / folder.name).mkdir(parents=True)
            for file in dict.fromkeys(files):
                (root / patient.name / folder.name / file.name).symlink_to(file)
    return root


@pytest.fixture(scope="module")
def index(sample: Path) -> PatchIndex:
    return _index(sample)


@pytest.fixture(scope="module")
def report(index: PatchIndex) -> DataReport:
    return check_data(index)


def test_every_file_is_used_or_left_out_for_its_size(sample: Path, index: PatchIndex) -> None:
    files = {path.relative_to(sample).as_posix(): path for path in sample.rglob("*.png")}

    assert {file.path for file in index.files} | {file.path for file in index.left_out} == files.keys()
    assert len(index) + len(index.left_out) == len(files)
    assert {file.reason for file in index.left_out} == {Reason.NO_PATCH_SIZE}
    assert all(min(_sides_px(files[file.path])) < MIN_SIDE_PX for file in index.left_out)


def test_the_names_say_the_patients_and_the_report_adds_up(index: PatchIndex, report: DataReport) -> None:
    assert report.patients_from is PatientsFrom.NAMES
    assert report.notes == ()
    assert (report.patches, len(report.patients)) == (len(index), PATIENTS)
    assert report.confounding.by_patient >= report.confounding.by_majority
    assert report.duplicates == ()


def test_every_patch_has_its_place_in_the_slide(index: PatchIndex) -> None:
    places = {file.place for file in index.files}

    assert len(places) == len(index)
    assert None not in places


def test_the_zip_with_its_tree_twice_holds_the_same_data(sample: Path, index: PatchIndex, tmp_path: Path) -> None:
    archive = write_patch_zip(tmp_path / "archive.zip", sample, ("", "IDC_regular_ps50_idx5/"))

    zipped = _index(archive)

    assert zipped.digests.tolist() == index.digests.tolist()
    twice = [file for file in zipped.left_out if file.reason is Reason.SAME_AGAIN]
    assert len(twice) == len(index) + len(index.left_out)


def test_folds_of_the_real_patients_are_sound(index: PatchIndex) -> None:
    classes = index.classes_of()

    check_folds(leave_one_patient_out(classes), index)
    check_folds(k_folds(classes, 4, seed=0), index)


def test_every_command_takes_the_set_as_it_is(
    sample: Path, index: PatchIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, cache = ["--data", str(sample)], ["--cache", str(tmp_path / "cache")]
    test = sorted(set(index.patients.tolist()))[0]
    bundle, images = str(tmp_path / "models" / ".candidates" / "idc" / "1000"), str(sample / test)
    small = {file.path.split("/")[0] for file in index.left_out if file.reason is Reason.NO_PATCH_SIZE}
    fitting = [*data, *cache, *FAST, "--steps", "300"]
    train = ["train", *fitting, "--out", str(tmp_path / "models"), "--test-patients", test, "--allow-missed-target"]
    crossval = ["crossval", *fitting, "--folds", "2", "--report", str(tmp_path / "crossval")]

    for command, reads in (
        (["data", "check", str(sample)], small),
        (["features", "extract", *data, *cache, *FAST], small),
        ([*train, "--no-int8"], small),
        (crossval, small),
        (["evaluate", bundle, *data, "--report", str(tmp_path / "report")], small),
        (["predict", bundle, images], small & {test}),
        (["verify", bundle], set()),
    ):
        assert main(command) == 0, capsys.readouterr().err
        told = "".join(capsys.readouterr())
        assert ("Left out, no patch by its size" in told) is bool(reads), command
