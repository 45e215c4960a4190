import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest

from idc_trainer import errors
from idc_trainer.__main__ import main
from idc_trainer.data.check import DataReport, check_data
from idc_trainer.data.index import index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.progress import Progress
from support.made_patches import made_patch, write_patch, write_patch_folder

PATIENTS = {"a": (3, 1), "b": (1, 3), "c": (0, 2)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path / "tree", PATIENTS)


def _report(path: Path, silent: Progress) -> DataReport:
    return check_data(index_patches(open_patches(path), silent, skip_unreadable=True))


def _check(path: Path, *more: str) -> int:
    return main(["data", "check", str(path), *more])


def _damage(tree: Path, *rows: int) -> list[str]:
    paths = [sorted(tree.rglob("*.png"))[row] for row in rows]
    for path in paths:
        path.write_bytes(path.read_bytes()[:60])
    return [path.relative_to(tree).as_posix() for path in paths]


def test_patients_and_classes_are_counted(tree: Path, silent: Progress) -> None:
    report = _report(tree, silent)

    assert [(one.patient, one.negatives, one.positives) for one in report.patients] == [
        ("a", 3, 1),
        ("b", 1, 3),
        ("c", 0, 2),
    ]
    assert (report.patches, report.negatives, report.positives) == (10, 4, 6)


def test_confounding_is_the_accuracy_of_guessing_by_patient(tree: Path, silent: Progress) -> None:
    found = _report(tree, silent).confounding

    assert (found.by_patient, found.by_majority, found.patients_with_both_classes) == (0.8, 0.6, 2)


def test_a_patch_of_another_size_is_listed(tree: Path, silent: Progress) -> None:
    path = write_patch(tree, "c", 0, 0, made_patch(0, np.random.default_rng(0))[:35])

    (odd,) = _report(tree, silent).odd_sizes

    assert (tree / odd.path, odd.width_px, odd.height_px) == (path, 50, 35)


@pytest.mark.parametrize(
    ("copy", "patients", "classes"),
    [
        ("a/0/copy.png", False, False),
        ("b/0/copy.png", True, False),
        ("a/1/copy.png", False, True),
        ("b/1/copy.png", True, True),
    ],
)
def test_identical_files_are_grouped_and_flagged(
    tree: Path, silent: Progress, copy: str, *, patients: bool, classes: bool
) -> None:
    original = "a/0/a_idx5_x0_y1_class0.png"
    shutil.copy(tree / original, tree / copy)

    (group,) = _report(tree, silent).duplicates

    assert set(group.paths) == {original, copy}
    assert (group.across_patients, group.across_classes) == (patients, classes)


def test_the_json_holds_the_whole_report(tree: Path, silent: Progress, capsys: pytest.CaptureFixture[str]) -> None:
    _damage(tree, 0)

    assert _check(tree, "--json", "-", "--skip-unreadable") == 0

    content = json.loads(capsys.readouterr().out)
    report = _report(tree, silent)
    assert content["sha256"] == report.sha256
    assert content["patients"][0] == {"patient": "a", "negatives": 2, "positives": 1}
    assert content["left_out"] == [{"path": report.left_out[0].path, "reason": "unreadable", "detail": ANY}]
    assert content["left_out_counts"] == {"unreadable": 1}
    assert content["confounding"]["by_majority"] == pytest.approx(6 / 9)


def test_the_table_and_a_json_file_are_written_together(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _check(tree, "--json", str(tmp_path / "report.json")) == 0

    out = capsys.readouterr().out
    assert "all 3" in out
    assert "right for 80.0% of the patches" in out
    assert json.loads((tmp_path / "report.json").read_text())["patches"] == 10


def test_all_unreadable_files_are_listed_before_the_error(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = _damage(tree, 1, 5)

    assert _check(tree) == errors.DataUnreadable.exit_code

    output = capsys.readouterr()
    assert "Left out, unreadable: 2" in output.out
    assert all(f"  {path}: " in output.out for path in paths)
    assert "2 of 10 files cannot be read" in output.err


@pytest.mark.parametrize(
    ("patients", "error", "text"),
    [
        ({"a": (3, 0), "b": (3, 0), "c": (3, 0)}, errors.OneClassOnly, "has one class only: bring"),
        ({"a": (3, 3)}, errors.TooFewPatients, "1 patients are too few"),
        ({}, errors.DataEmpty, "pass the folder that holds"),
    ],
)
def test_data_that_no_one_can_train_on_ends_with_its_code(
    tmp_path: Path,
    error_line: Callable[[], str],
    patients: dict[str, tuple[int, int]],
    error: type[errors.TrainerError],
    text: str,
) -> None:
    assert _check(write_patch_folder(tmp_path, patients)) == error.exit_code
    assert text in error_line()


def test_data_of_damaged_files_alone_is_empty(tmp_path: Path, error_line: Callable[[], str]) -> None:
    tree = write_patch_folder(tmp_path, {"a": (1, 1)})
    _damage(tree, 0, 1)

    assert _check(tree, "--skip-unreadable") == errors.DataEmpty.exit_code
    assert "no file of" in error_line()


@pytest.mark.parametrize(
    ("name", "error", "remedy"),
    [
        ("wrong.zip", errors.DataUnreadable, "download or copy it again"),
        ("wrong.csv", errors.ManifestWrong, "make the header path,patient,label"),
        ("class", errors.WrongLabel, "name class folders 0"),
        ("wrong", errors.WrongLabel, "correct the one that is wrong"),
        (
            "unknown",
            errors.PatientUnknown,
            "list the files in a CSV file path,patient,label, or name them <patient>_idx5",
        ),
    ],
)
def test_each_kind_of_wrong_data_has_an_exit_code_and_a_remedy(
    tmp_path: Path, error_line: Callable[[], str], name: str, error: type[errors.TrainerError], remedy: str
) -> None:
    for path in ("wrong.zip", "wrong.csv", "wrong/a/0/a_class1.png", "unknown/0/a.png", "class/a/idc/a.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("text")

    assert _check(tmp_path / name) == error.exit_code
    assert remedy in error_line()


def test_a_report_that_cannot_be_written_is_refused(tree: Path, tmp_path: Path, error_line: Callable[[], str]) -> None:
    assert _check(tree, "--json", str(tmp_path / "absent" / "report.json")) == errors.OutputUnwritable.exit_code
    assert "name another file with --json" in error_line()


def test_markup_in_a_file_name_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = write_patch_folder(tmp_path, PATIENTS | {"[red]x": (1, 0)})
    (tree / "a" / "0" / "[bold]b.png").write_text("text")  # its folder is named as a patient of other names

    assert _check(tree, "--skip-unreadable") == 0

    out = capsys.readouterr().out
    assert "[red]x" in out
    assert "a/0/[bold]b.png: " in out
