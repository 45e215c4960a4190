"""A download appears whole or not at all, whoever else downloads the same object, and says why it does not."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import obstore
import pytest
from obstore.store import LocalStore

from idc_slides.errors import BucketUnavailable, LeaseLost, NoRoom, SlideFailed, StoreUnavailable
from idc_slides.intake import bucket as bucket_module
from idc_slides.intake.bucket import Bucket
from idc_slides.intake.slide_files import SlideFiles
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.jobs.lease import Lease
from idc_slides.jobs.screening import DOWNLOAD_ATTEMPTS, Screening
from idc_slides.records.slides import Location, StoredSlide, new_slide

URL = "s3://scans/s.svs"
CONTENT = os.urandom(9 * 2**20)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    (tmp_path / "bucket").mkdir()
    store = LocalStore(tmp_path / "bucket")
    obstore.put(store, "s.svs", CONTENT)
    monkeypatch.setattr(bucket_module, "_store", lambda *_: store)
    return Bucket(["s3://scans/*"], {}, max_bytes=10**9)


@pytest.fixture
def files(tmp_path: Path) -> StoredFiles:
    return StoredFiles(tmp_path / "files", max_bytes=10**8)


@pytest.fixture
def slide_files(tmp_path: Path, bucket: Bucket, files: StoredFiles) -> SlideFiles:
    return SlideFiles(WatchedFolder(tmp_path), files, bucket)


@pytest.fixture
def stored(bucket: Bucket) -> StoredSlide:
    return new_slide(Location("s3", URL), bucket.look(URL), received_by="anna")


def once(do: Callable[[], object]) -> Callable[[int], None]:
    """Do something with the first piece."""
    left = [do]
    return lambda _bytes: cast(None, left.pop()()) if left else None


def test_two_workers_that_download_one_object_both_have_it_whole(slide_files: SlideFiles, stored: StoredSlide) -> None:
    paths = []

    paths.append(slide_files.fetch(stored, once(lambda: paths.append(slide_files.fetch(stored, lambda _: None)))))

    assert [path.read_bytes() == CONTENT for path in paths] == [True, True]
    assert len(list(paths[0].parent.iterdir())) == 1


def test_worker_that_loses_its_hold_harms_no_other_download(slide_files: SlideFiles, stored: StoredSlide) -> None:
    def lost(_bytes: int) -> None:
        raise LeaseLost

    def download_and_lose() -> None:
        with pytest.raises(LeaseLost):
            slide_files.fetch(stored, lost)

    path = slide_files.fetch(stored, once(download_and_lose))

    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_part_that_a_kill_left_is_gone_before_room_is_looked_for(
    slide_files: SlideFiles, files: StoredFiles, stored: StoredSlide
) -> None:
    folder = files.folder_of(stored.slide.id)
    folder.mkdir(parents=True)
    with (folder / "part-of-a-killed-worker").open("wb") as part:
        part.truncate(99_000_000)

    path = slide_files.fetch(stored, lambda _: None)

    assert list(folder.iterdir()) == [path]


class Files:
    """Fails to fetch as often as a test says."""

    def __init__(self, *errors: Exception) -> None:
        self._errors, self.fetched = list(errors), 0

    def fetch(self, _stored: StoredSlide, _on_piece: object) -> Path:
        self.fetched += 1
        if self._errors:
            raise self._errors.pop(0)
        raise StopIteration("it was fetched")

    def require_source(self, _stored: StoredSlide) -> None:
        """The folder is there."""


class Hold:
    """A lease that is never lost, and waits not at all."""

    def wait(self, _timeout_s: float) -> None:
        pass


def screen(files: Files, stored: StoredSlide) -> None:
    nothing: Any = None
    Screening(cast(SlideFiles, files), nothing, nothing, nothing, nothing, nothing).screen(stored, cast(Lease, Hold()))


@pytest.mark.parametrize(
    "error", [NoRoom("full"), OSError(errno.ENOSPC, "No space left", "/data"), OSError(errno.EDQUOT, "Quota", "/data")]
)
def test_full_disk_fails_the_slide_at_once(stored: StoredSlide, error: OSError) -> None:
    files = Files(error)

    with pytest.raises(SlideFailed) as failed:
        screen(files, stored)

    assert (failed.value.code, files.fetched) == ("insufficient-storage", 1)
    assert "/data" not in failed.value.detail


def test_other_trouble_with_the_disk_is_no_lack_of_room_and_names_no_path(stored: StoredSlide) -> None:
    files = Files(*[OSError(errno.EIO, "Input/output error", "/data/files") for _ in range(DOWNLOAD_ATTEMPTS)])

    with pytest.raises(SlideFailed) as failed:
        screen(files, stored)

    assert (failed.value.code, files.fetched) == ("store-unavailable", DOWNLOAD_ATTEMPTS)
    assert "Input/output error" in failed.value.detail
    assert "/data" not in failed.value.detail


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "gone"), BucketUnavailable("away"), StoreUnavailable("away")]
)
def test_trouble_that_passes_does_not_fail_the_slide(stored: StoredSlide, error: Exception) -> None:
    with pytest.raises(StopIteration, match="it was fetched"):
        screen(Files(error), stored)
