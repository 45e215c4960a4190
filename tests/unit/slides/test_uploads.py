"""Uploads go on where they were, end, and become slides once."""

import errno
import fcntl
import os
import shutil
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from idc_contracts import utc_now
from idc_contracts.slides import Slide
from idc_slides.errors import NoRoom, NotFound, SlideRefused, StoreUnavailable, UploadConflict, UploadTooLarge
from idc_slides.housekeeping import Housekeeping
from idc_slides.intake.leftovers import drop_leftovers, queue_upload
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.uploads import Upload, Uploads
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.reading import Limits, SpareWorker
from idc_slides.records.slides import FileState, Location, StoredSlide, new_slide
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


@pytest.mark.parametrize("vanishes", ["the folder before", "a file after"])
def test_what_is_deleted_while_the_room_is_measured_does_not_count(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vanishes: str
) -> None:
    upload = announced(uploads)
    write(uploads, upload, 0, b"abcd")
    listed = os.scandir

    def deleted_when_it_is_listed(folder: Any) -> Any:
        if Path(folder).name != str(upload.id):
            return listed(folder)
        if vanishes == "the folder before":
            Path(folder).rename(tmp_path / "away")
        entries = list(listed(folder))
        for entry in entries:
            Path(entry.path).unlink()
        return _Entries(entries)

    monkeypatch.setattr(os, "scandir", deleted_when_it_is_listed)

    assert StoredFiles(tmp_path / "files", max_bytes=10).used_bytes() == 0


class _Entries(nullcontext[Any]):
    """As `os.scandir` gives them."""

    def __iter__(self) -> Any:
        return iter(self.enter_result)


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, NoRoom), (errno.EDQUOT, NoRoom), (errno.EIO, StoreUnavailable)]
)
def test_only_a_full_disk_is_called_full(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    def fails(*_: object, **_named: object) -> None:
        raise OSError(code, os.strerror(code), "/data/files")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "touch", fails)
        with pytest.raises(error, match=os.strerror(code)) as refused:
            announced(uploads)
    assert "/data" not in str(refused.value)
    with monkeypatch.context() as broken:
        broken.setattr(shutil, "disk_usage", fails)
        with pytest.raises(error, match=os.strerror(code)):
            announced(uploads)


def test_an_upload_that_two_requests_complete_at_once_is_one_slide(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = announced(uploads)
    write(uploads, upload, 0, b"abcd")
    offset = uploads.offset

    def completed_in_between(wanted: Upload) -> int:
        monkeypatch.undo()
        arrived = offset(wanted)
        uploads.complete(wanted)
        return arrived

    monkeypatch.setattr(uploads, "offset", completed_in_between)

    found = uploads.complete(upload)

    assert found is not None
    assert found.location == uploads.complete(upload).location  # type: ignore[union-attr]


def test_a_slide_that_is_deleted_while_its_upload_is_looked_at_is_not_found(uploads: Uploads, tmp_path: Path) -> None:
    upload = announced(uploads)
    write(uploads, upload, 0, b"abcd")
    uploads.complete(upload)
    (tmp_path / "files" / str(upload.id) / "slide.svs").unlink()
    (tmp_path / "files" / str(upload.id) / "slide.svs").symlink_to("gone")

    with pytest.raises(NotFound):
        uploads.complete(upload)


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


def test_an_upload_whose_last_byte_arrives_is_neither_ended_nor_dropped(uploads: Uploads) -> None:
    upload = announced(uploads)
    write(uploads, upload, 0, b"abc")

    with uploads.writing(upload, 3) as piece:
        with pytest.raises(UploadConflict, match="another request"):
            uploads.end(upload.id)
        piece.write(b"d")
    assert uploads.drop_expired(utc_now() + timedelta(hours=2)) == 0
    with pytest.raises(UploadConflict, match="complete"):
        uploads.end(upload.id)

    assert uploads.complete(upload) is not None


class Kept:
    """The service's files and records, without the service."""

    def __init__(self, folder: Path) -> None:
        self.files = StoredFiles(folder / "files", max_bytes=10_000)
        self.uploads = Uploads(self.files, max_bytes=5_000, lifetime=timedelta(hours=1))
        self.slides = SlidesStore(open_database(f"sqlite:///{folder / 'slides.sqlite3'}"))
        self.queued = 0
        opened = OpenSlides(lambda _: pytest.fail("nothing is opened"), most=1, rest_s=1)
        spare = SpareWorker(Limits())
        self.housekeeping = Housekeeping(self.files, self.uploads, self.slides, opened, spare, on_queued=self._count)

    def _count(self) -> None:
        self.queued += 1

    def names(self) -> list[str]:
        return [slide.name for slide in self.slides.page(None, "", None, 10).items]

    def complete(self, name: str = "a.svs") -> Upload:
        upload = announced(self.uploads, name)
        write(self.uploads, upload, 0, b"abcd")
        return upload

    def drop_leftovers(self, after: timedelta) -> int:
        return drop_leftovers(self.files, self.uploads, self.slides.folders_of_files, utc_now() + after)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_an_upload_that_was_complete_when_the_service_was_killed_is_queued_at_the_start(kept: Kept) -> None:
    kept.complete()

    kept.housekeeping.sweep()
    kept.housekeeping.sweep()

    assert (kept.names(), kept.queued) == (["a.svs"], 1)


def test_an_upload_whose_end_was_interrupted_keeps_no_other_from_being_queued(kept: Kept) -> None:
    halves = [announced(kept.uploads, f"{number}.svs") for number in range(8)]
    for half in halves:
        (kept.files.folder_of(half.id) / "part").unlink()
    kept.complete()

    kept.housekeeping.sweep()

    assert kept.names() == ["a.svs"]
    kept.uploads.end(halves[0].id)
    assert kept.uploads.drop_expired(utc_now() + timedelta(hours=2)) == 7


def test_an_upload_that_is_queued_while_its_slide_is_deleted_stays_deleted(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = kept.complete()
    add_one = kept.slides.add_one

    def deleted_in_between(found: StoredSlide) -> tuple[Slide, bool]:
        kept.files.disown(upload.id)
        return add_one(found)

    monkeypatch.setattr(kept.slides, "add_one", deleted_in_between)

    assert queue_upload(kept.uploads, kept.slides, upload) is None
    assert kept.names() == []


def test_files_of_no_slide_are_deleted_after_an_hour_and_those_of_slides_stay(kept: Kept) -> None:
    complete, resting, deleted = kept.complete(), announced(kept.uploads), kept.complete("deleted.svs")
    kept.housekeeping.sweep()
    fetched, _ = kept.slides.add_one(new_slide(Location("s3", "s3://b/s.svs"), FileState(1, 1), received_by="ann"))
    kept.files.folder_of(fetched.id).mkdir()
    kept.files.disown(complete.id)
    kept.files.disown(deleted.id)
    kept.slides.delete(next(slide.id for slide in kept.slides.page(None, "deleted", None, 1).items))

    assert kept.drop_leftovers(after=timedelta(minutes=59)) == 0
    assert kept.drop_leftovers(after=timedelta(minutes=61)) == 1

    assert {*kept.files.folders()} == {complete.id, resting.id, fetched.id}


def test_part_of_a_download_is_deleted_when_nobody_downloads_it(kept: Kept) -> None:
    fetched, _ = kept.slides.add_one(new_slide(Location("s3", "s3://b/s.svs"), FileState(1, 1), received_by="ann"))
    folder = kept.files.folder_of(fetched.id)
    folder.mkdir(parents=True)
    for name in ("part-left", "part-growing", "slide.svs"):
        (folder / name).touch()

    with (folder / "part-growing").open("wb") as growing:
        fcntl.flock(growing, fcntl.LOCK_EX)
        kept.housekeeping.sweep()

    assert sorted(path.name for path in folder.iterdir()) == ["part-growing", "slide.svs"]
