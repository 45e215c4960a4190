"""The part of the public data set that IDC_DATA names, in each layout."""

from pathlib import Path

import pytest

from idc_trainer.data.check import DataReport, check_data
from idc_trainer.data.folds import check_folds, k_folds, leave_one_patient_out
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.split import official_split
from support.made_patches import write_patch_zip

pytestmark = pytest.mark.e2e


def _index(path: Path) -> PatchIndex:
    return index_patches(open_patches(path), lambda *_: None, skip_unreadable=False)


@pytest.fixture(scope="module")
def index(idc_data: Path) -> PatchIndex:
    return _index(idc_data / "idc")


@pytest.fixture(scope="module")
def report(index: PatchIndex) -> DataReport:
    return check_data(index)


def test_the_report_says_what_the_set_holds(report: DataReport) -> None:
    assert (report.patches, len(report.patients)) == (7787, 17)
    assert report.confounding.patients_with_both_classes == 4
    assert (report.unreadable, report.duplicates) == ((), ())


def test_patches_cut_at_the_edge_of_the_slide_are_listed(report: DataReport) -> None:
    assert len(report.odd_sizes) == 8
    assert {min(odd.width_px, odd.height_px) for odd in report.odd_sizes} == {12, 31, 32, 35, 41, 49}


def test_who_knows_the_patient_nearly_knows_the_class(report: DataReport) -> None:
    assert report.confounding.by_patient == pytest.approx(0.939, abs=0.001)
    assert report.confounding.by_majority == pytest.approx(0.508, abs=0.001)


def test_every_patch_has_its_place_in_the_slide(index: PatchIndex) -> None:
    places = {(file.patient, file.x_px, file.y_px) for file in index.files}

    assert len(places) == len(index)
    assert not [place for place in places if None in place]


def test_the_zip_holds_the_same_data(idc_data: Path, index: PatchIndex, tmp_path: Path) -> None:
    archive = write_patch_zip(tmp_path / "set.zip", idc_data / "idc", ("", "IDC_regular_ps50_idx5/"))

    assert _index(archive).digests.tolist() == index.digests.tolist()


def test_the_published_lists_know_all_but_three_patients(index: PatchIndex) -> None:
    split, left_out = official_split(index.classes_of())

    assert left_out == ("8863", "8950", "8984")
    assert (len(split.train), len(split.validation), split.test) == (8, 6, ())


def test_folds_of_the_real_patients_are_sound(index: PatchIndex) -> None:
    classes = index.classes_of()

    check_folds(leave_one_patient_out(classes), index)
    check_folds(k_folds(classes, 4, seed=0), index)
