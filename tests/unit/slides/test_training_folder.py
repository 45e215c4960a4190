"""Reviewed cells become a zip that the trainer reads."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_contracts.slides import CellReview, SlideVerdict
from idc_slides.errors import WrongState
from idc_slides.exports.training_folder import ABOUT, agreed_cells, patient_of, training_folder
from idc_slides.records.slides import FileState, Location, new_slide
from idc_trainer.data.layouts import open_patches
from support.demo_patches import solid_png

SLIDE = new_slide(Location("folder", "case 8867_A.svs"), FileState(1, 1), received_by="folder").slide
PNG = solid_png((200, 100, 150))


def review(column: int, row: int, verdict: str, reviewer: str = "ann") -> CellReview:
    return CellReview(
        column=column,
        row=row,
        verdict=SlideVerdict(verdict),
        reviewer=reviewer,
        reviewed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


REVIEWS = [
    review(1, 2, "idc"),
    review(1, 2, "idc", "bob"),
    review(3, 4, "no_idc"),
    review(5, 6, "unsure"),
    review(7, 8, "idc"),
    review(7, 8, "no_idc", "bob"),
    review(9, 9, "idc"),
    review(9, 9, "unsure", "bob"),
]


def test_only_cells_on_which_all_readers_agree_are_taken() -> None:
    agreed = agreed_cells(REVIEWS)

    assert agreed.is_idc == {(1, 2): True, (3, 4): False}
    assert agreed.counts.model_dump() == {"idc": 1, "no_idc": 1, "unsure": 1, "disagreements": 2}


def test_trainer_reads_class_patient_place_and_pixels(tmp_path: Path) -> None:
    file = tmp_path / "8867.zip"
    file.write_bytes(b"".join(training_folder(SLIDE, agreed_cells(REVIEWS), "8867", lambda _column, _row: PNG)))

    source = open_patches(file)

    patches = source.listing.files
    assert [(patch.patient, patch.label) for patch in patches] == [("8867", 0), ("8867", 1)]
    places = [patch.place for patch in patches]
    assert [(place.x_px, place.y_px) for place in places if place] == [(150, 200), (50, 100)]
    assert source.read(patches[0]) == PNG
    assert [one.path for one in source.listing.left_out] == [ABOUT]


def test_what_was_left_out_is_counted_in_the_zip() -> None:
    unreadable = {(1, 2)}

    def picture(column: int, row: int) -> bytes | None:
        return None if (column, row) in unreadable else PNG

    data = b"".join(training_folder(SLIDE, agreed_cells(REVIEWS), "8867", picture))

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        about = json.loads(archive.read(ABOUT))
        assert len(archive.namelist()) == 2
    assert about == {
        "slide": str(SLIDE.id),
        "patient": "8867",
        "idc": 1,
        "no_idc": 1,
        "unsure": 1,
        "disagreements": 2,
        "unreadable": 1,
    }


def test_patches_are_read_one_after_the_other_as_the_zip_is_taken() -> None:
    asked: list[int] = []

    def picture(column: int, _row: int) -> bytes:
        asked.append(column)
        return PNG

    reviews = [review(column, 0, "idc") for column in range(50)]
    pieces: Iterator[bytes] = training_folder(SLIDE, agreed_cells(reviews), "p", picture)

    sizes = [len(next(pieces)) for _ in range(3)]

    assert asked == [0, 1, 2]
    assert max(sizes) < 2 * len(PNG) + 500


def test_nothing_agreed_is_said_before_the_download_begins() -> None:
    with pytest.raises(WrongState, match="review some"):
        training_folder(SLIDE, agreed_cells([review(5, 6, "unsure")]), "p", lambda _column, _row: PNG)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_every_file_name_gives_a_patient_that_the_trainer_takes(name: str) -> None:
    patient = patient_of(SLIDE.model_copy(update={"name": name}))

    data = b"".join(training_folder(SLIDE, agreed_cells(REVIEWS), patient, lambda _column, _row: PNG))

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert all(path == ABOUT or path.startswith(f"{patient}/") for path in archive.namelist())
    assert patient.replace("-", "").isalnum()
    assert len(patient) <= 64
