"""`idc-trainer evaluate`: who and what is measured by default, and on a list."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from idc_trainer.__main__ import main
from idc_trainer.errors import DataUnreadable
from support.made_patches import write_patch_folder
from support.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on patient 1, its thresholds chosen on patient 2."""
    return write_tiny_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_patch_folder(tmp_path_factory.mktemp("data"), dict.fromkeys(("1", "2", "3", "4"), (3, 2)))


def _measured(bundle: Path, data: Path, report: Path, *options: str) -> dict[str, int]:
    """The patches of each patient that was measured."""
    assert main(["evaluate", str(bundle), "--data", str(data), "--report", str(report), *options]) == 0
    figures = json.loads((report / "figures.json").read_text())
    return {name: patient["patches"] for name, patient in figures["patients"].items()}


def test_patients_that_had_a_part_in_the_bundle_are_not_measured(bundle: Path, data: Path, tmp_path: Path) -> None:
    assert _measured(bundle, data, tmp_path) == {"3": 5, "4": 5}
    assert "Nothing was chosen on them: neither calibration nor thresholds." in (tmp_path / "index.html").read_text()


def test_a_patient_that_thresholds_were_chosen_on_is_measured_if_named_and_the_report_says_so(
    bundle: Path, data: Path, tmp_path: Path
) -> None:
    assert _measured(bundle, data, tmp_path, "--patients", "2,3") == {"2": 5, "3": 5}
    assert "Calibration and thresholds were chosen on 2" in (tmp_path / "index.html").read_text()


def test_only_the_patches_of_a_list_are_measured(
    bundle: Path, data: Path, tmp_path: Path, error_line: Callable[[], str]
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("1_idx5_x0_y1_class0.png\n3_idx5_x0_y1_class0.png\n3_idx5_x0_y51_class1.png\nelsewhere.png\n")

    assert _measured(bundle, data, tmp_path, "--only-list", str(listed)) == {"3": 2}

    listed.write_text("elsewhere.png\n")
    options = ["--data", str(data), "--report", str(tmp_path), "--only-list", str(listed)]
    assert main(["evaluate", str(bundle), *options]) == DataUnreadable.exit_code
    assert "names no patch of the data: list file names, one per line" in error_line()
