"""A file of the watched folder is queued once, when it stands still."""

import errno
import os
import socket
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from idc_contracts.slides import SlideFailure, SlideState
from idc_slides.errors import FolderUnavailable, SlideFailed, SlideRefused
from idc_slides.intake.folder_watch import FolderWatch
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.slides import Location
from idc_slides.records.slides_store import SlidesStore
from idc_slides.sql.database import open_database


class Scene:
    def __init__(self, root: Path) -> None:
        self.root, self.now_s, self.told = root / "slides", 0.0, 0
        self.root.mkdir()
        self.database = open_database(f"sqlite:///{root / 'slides.sqlite3'}")
        self.store = SlidesStore(self.database)
        self.restart()

    def restart(self) -> None:
        self.watch = FolderWatch(
            WatchedFolder(self.root), self.store, settle_s=10, on_new=self._tell, clock=lambda: self.now_s
        )

    def _tell(self) -> None:
        self.told += 1

    def look_after(self, seconds: float) -> int:
        self.now_s += seconds
        return self.watch.look()

    def names(self) -> list[str]:
        return sorted(slide.name for slide in self.store.page(None, "", None, 200).items)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_file_that_grows_is_not_queued_before_it_stands_still(scene: Scene) -> None:
    file = scene.root / "a.svs"
    file.write_bytes(b"1")
    assert scene.look_after(0) == 0
    file.write_bytes(b"12")
    assert scene.look_after(11) == 0
    assert scene.look_after(9) == 0

    assert scene.look_after(1) == 1
    assert scene.look_after(100) == 0
    assert (scene.names(), scene.told) == (["a.svs"], 1)


def test_a_file_that_changes_later_is_queued_again(scene: Scene) -> None:
    file = scene.root / "a.svs"
    file.write_bytes(b"1")
    scene.look_after(0)
    scene.look_after(10)
    file.write_bytes(b"another slide")
    scene.look_after(10)

    assert scene.look_after(10) == 1


def test_a_deleted_slide_is_not_queued_again_by_a_restart(scene: Scene) -> None:
    (scene.root / "a.svs").write_bytes(b"1")
    scene.look_after(0)
    scene.look_after(10)
    scene.store.delete(scene.store.page(None, "", None, 1).items[0].id)

    scene.restart()

    assert (scene.look_after(0), scene.look_after(10), scene.names()) == (0, 0, [])


def test_a_slide_whose_file_was_gone_is_queued_when_it_is_back_as_it_was(scene: Scene) -> None:
    file, queue = scene.root / "a.svs", QueueStore(scene.database)
    file.write_bytes(b"1")
    scene.look_after(0)
    scene.look_after(10)
    stored = queue.claim("one")
    assert stored is not None
    file.rename(scene.root / "a.elsewhere")
    scene.look_after(10)
    failed = {"state": SlideState.FAILED, "failure": SlideFailure(code="slide-gone", detail="put it back")}
    queue.stop(stored.slide.model_copy(update=failed), "one")
    (scene.root / "a.elsewhere").rename(file)

    assert (scene.look_after(10), scene.look_after(10), scene.look_after(10)) == (0, 1, 0)
    assert [slide.state for slide in scene.store.page(None, "", None, 9).items] == [SlideState.WAITING]


def test_other_files_and_the_folders_of_mrxs_are_no_slides(scene: Scene) -> None:
    (scene.root / "notes.txt").write_text("no slide")
    (scene.root / "b.mrxs").write_bytes(b"1")
    (scene.root / "b").mkdir()
    (scene.root / "b" / "Data0000.dat").write_bytes(b"12")
    (scene.root / "b" / "inner.tif").write_bytes(b"no slide of its own")
    (scene.root / "lonely.mrxs").write_bytes(b"1")
    (scene.root / "dicom").mkdir()
    (scene.root / "dicom" / "1.dcm").write_bytes(b"1")
    (scene.root / "dicom" / "2.dcm").write_bytes(b"2")
    scene.look_after(0)
    scene.look_after(10)

    assert scene.names() == ["b.mrxs", "dicom"]


def test_copies_that_are_not_whole_and_the_folders_of_systems_are_no_slides(scene: Scene) -> None:
    for name in (".a.svs.Xy12Zw", ".b.svs", "._c.svs", "~$d.tif", "e.svs.part", "f.svs.filepart", "g.svs.tmp"):
        (scene.root / name).write_bytes(b"1")
    for folder in (".snapshot", "$RECYCLE.BIN", "#recycle", "@eaDir"):
        (scene.root / folder).mkdir()
        (scene.root / folder / "deleted.svs").write_bytes(b"1")
    scene.look_after(0)

    assert scene.look_after(10) == 0


def test_what_is_neither_file_nor_folder_is_recorded_as_refused(scene: Scene) -> None:
    os.mkfifo(scene.root / "pipe.svs")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(scene.root / "socket.svs"))
        scene.look_after(0)
        scene.look_after(10)

    failures = {slide.name: slide.failure for slide in scene.store.page(SlideState.FAILED, "", None, 10).items}
    assert failures.keys() == {"pipe.svs", "socket.svs"}
    assert all(failure is not None and "not a file" in failure.detail for failure in failures.values())


def test_a_folder_that_may_not_be_read_is_told_once_and_hides_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (scene.root / "closed").mkdir()
    (scene.root / "z.svs").write_bytes(b"1")
    scandir = os.scandir

    def closed(path: str) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("closed"):  # root, as whom tests may run, reads everything
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    scene.look_after(0)
    scene.look_after(10)

    assert scene.names() == ["z.svs"]
    assert [record.getMessage() for record in caplog.records if "closed" in record.getMessage()] == [
        "'closed' in the watched folder may not be read: change its permissions"
    ]


def test_a_name_of_255_bytes_and_one_of_composed_letters_are_found(scene: Scene) -> None:
    (scene.root / ("a" * 251 + ".svs")).write_bytes(b"1")
    (scene.root / unicodedata.normalize("NFD", "Müller.svs")).write_bytes(b"1")
    scene.look_after(0)
    scene.look_after(10)

    found = scene.store.page(None, unicodedata.normalize("NFC", "MÜLLER"), None, 10).items
    assert [unicodedata.normalize("NFC", slide.name) for slide in found] == ["Müller.svs"]
    assert "a" * 251 + ".svs" in scene.names()


def test_a_name_that_is_no_text_is_shown_with_replacements(scene: Scene) -> None:
    (scene.root / os.fsdecode(b"caf\xe9\n.svs")).write_bytes(b"1")
    scene.look_after(0)
    scene.look_after(10)

    assert scene.names() == ["caf\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.svs"]


def test_links_out_of_the_folder_are_recorded_as_refused(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret.svs").write_bytes(b"1")
    (scene.root / "file.svs").symlink_to(tmp_path / "secret.svs")
    (scene.root / "pixels.mrxs").write_bytes(b"1")
    (scene.root / "pixels").symlink_to(tmp_path)
    scene.look_after(0)
    scene.look_after(10)

    failures = {slide.name: slide.failure for slide in scene.store.page(SlideState.FAILED, "", None, 10).items}
    assert failures.keys() == {"file.svs", "pixels.mrxs"}
    assert all(failure is not None and "symbolic link" in failure.detail for failure in failures.values())


def test_links_in_a_circle_are_recorded_as_refused(scene: Scene) -> None:
    (scene.root / "circle.svs").symlink_to(scene.root / "circle.svs")
    scene.look_after(0)
    scene.look_after(10)

    failures = [slide.failure for slide in scene.store.page(SlideState.FAILED, "", None, 10).items]
    assert [failure.code for failure in failures if failure] == ["slide-refused"]


@pytest.mark.parametrize("error", [errno.EIO, errno.ESTALE])
def test_a_file_that_cannot_be_read_now_is_gone_and_not_refused(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def broken(_path: Path, *, strict: bool = False) -> Path:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, "resolve", broken)
    with pytest.raises(SlideFailed) as failed:
        WatchedFolder(scene.root).locate(Path("a.svs"))

    assert failed.value.code == "slide-gone"


def test_an_empty_folder_or_none_is_taken_for_a_share_that_is_away(scene: Scene) -> None:
    folder = WatchedFolder(scene.root)
    with pytest.raises(FolderUnavailable, match="is empty: mount its share again"):
        folder.require_there()
    (scene.root / "a.svs").write_bytes(b"1")
    folder.require_there()
    with pytest.raises(FolderUnavailable, match="No such file"):
        WatchedFolder(scene.root / "none").require_there()


def test_a_path_is_found_again_by_its_stored_location(scene: Scene) -> None:
    relative = Path(os.fsdecode(b"sub/caf\xe9\n 100%.svs"))
    (scene.root / "sub").mkdir()
    (scene.root / relative).write_bytes(b"1")

    located = WatchedFolder(scene.root).locate(Location.in_folder(relative).path)

    assert located == (scene.root / relative).resolve()


def test_what_is_gone_or_elsewhere_is_not_located(scene: Scene) -> None:
    folder = WatchedFolder(scene.root)

    with pytest.raises(SlideFailed):
        folder.locate(Path("gone.svs"))
    with pytest.raises(SlideRefused):
        folder.locate(Path("../slides.sqlite3"))
