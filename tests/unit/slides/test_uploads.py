"""Uploads go on where they were, end, and become slides once."""

from datetime import timedelta
from pathlib import Path

import pytest

from idc_contracts import utc_now
from idc_slides.errors import NoRoom, NotFound, SlideRefused, UploadConflict, UploadTooLarge
from idc_slides.housekeeping import Housekeeping
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.uploads import Upload, Uploads
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.records.slides_store import SlidesStore
from idc_slides.sql.database import open_database


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(StoredFiles(tmp_path / "files", max_bytes=10_000), max_bytes=5_000, lifetime=timedelta(hours=1))


def announced(uploads: Uploads, name: str = "a.svs", size_bytes: int = 4) -> Upload:
    return uploads.create(name, size_bytes, 0.25, "anna")


def write(uploads: Uploads, upload: Upload, offset: int, data: bytes) -> None:
    with uploads.writing(upload, offset) as piece:
        piece.write(data)


def test_bytes_are_kept_by_a_service_that_starts_again(uploads: Uploads, tmp_path: Path) -> None:
    upload = announced(uploads)
    write(uploads, upload, 0, b"ab")

    again = Uploads(StoredFiles(tmp_path / "files", max_bytes=10_000), max_bytes=5_000, lifetime=timedelta(hours=1))

    assert again.offset(again.get(upload.id)) == 2
    assert again.complete(upload) is None
    write(again, upload, 2, b"cd")
    found = again.complete(upload)
    assert found is not None
    assert (found.slide.name, found.stated_um_per_px, found.slide.received_by) == ("a.svs", 0.25, "anna")
    assert found.location == again.complete(upload).location, "it may be asked again"  # type: ignore[union-attr]


def test_two_requests_do_not_write_to_one_upload(uploads: Uploads) -> None:
    upload = announced(uploads)

    with uploads.writing(upload, 0), pytest.raises(UploadConflict), uploads.writing(upload, 0):
        pass
    with pytest.raises(UploadConflict, match="0 bytes arrived"), uploads.writing(upload, 1):
        pass


def test_more_bytes_than_announced_are_not_taken(uploads: Uploads) -> None:
    upload = announced(uploads)

    with pytest.raises(UploadTooLarge):
        write(uploads, upload, 0, b"abcde")

    assert uploads.offset(upload) == 0


@pytest.mark.parametrize(
    ("name", "size_bytes", "error"),
    [
        ("a.svs", 5_001, UploadTooLarge),
        ("a.exe", 4, SlideRefused),
        ("a.mrxs", 4, SlideRefused),
        ("a.dcm", 4, SlideRefused),
    ],
)
def test_what_cannot_be_screened_is_refused_before_a_byte_is_sent(
    uploads: Uploads, name: str, size_bytes: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        announced(uploads, name, size_bytes)


def test_the_room_for_all_files_is_bounded_and_what_was_announced_counts(uploads: Uploads) -> None:
    write(uploads, announced(uploads, size_bytes=4_000), 0, b"x" * 4_000)
    announced(uploads, size_bytes=4_000)

    with pytest.raises(NoRoom, match="of 10000"):
        announced(uploads, size_bytes=4_000)


@pytest.mark.parametrize("name", ["../../etc/passwd.svs", "/a/b.svs", "..\\c.svs", "x\n.svs"])
def test_no_name_leads_out_of_the_folder(uploads: Uploads, tmp_path: Path, name: str) -> None:
    upload = announced(uploads, name)
    write(uploads, upload, 0, b"abcd")
    uploads.complete(upload)

    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parent for path in files} == {tmp_path / "files" / str(upload.id)}


def test_an_upload_that_rests_too_long_is_dropped_and_a_complete_one_is_not(uploads: Uploads) -> None:
    resting, complete = announced(uploads), announced(uploads)
    write(uploads, complete, 0, b"abcd")
    uploads.complete(complete)

    assert uploads.drop_expired(utc_now()) == 0
    assert uploads.drop_expired(utc_now() + timedelta(hours=2)) == 1

    with pytest.raises(NotFound):
        uploads.get(resting.id)
    assert uploads.offset(complete) == 4
    with pytest.raises(UploadConflict):
        uploads.end(complete.id)


def test_an_upload_that_was_complete_when_the_service_was_killed_is_queued_at_the_start(
    uploads: Uploads, tmp_path: Path
) -> None:
    upload = announced(uploads)
    write(uploads, upload, 0, b"abcd")
    store = SlidesStore(open_database(f"sqlite:///{tmp_path / 'slides.sqlite3'}"))
    told: list[int] = []
    opened = OpenSlides(lambda _: pytest.fail("nothing is opened"), most=1, rest_s=1)
    housekeeping = Housekeeping(uploads, store, opened, on_queued=lambda: told.append(1))

    housekeeping.queue_finished()
    housekeeping.queue_finished()

    assert [slide.name for slide in store.page(None, "", None, 10).items] == ["a.svs"]
    assert told == [1]
