"""Slides of the watched folder wait while it is away, and hold up no others."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import httpx
import pytest

from idc_contracts.slides import Slide, SlideState
from idc_slides.intake.bucket import Bucket
from idc_slides.intake.folder_watch import FolderWatch
from idc_slides.intake.slide_files import SlideFiles
from idc_slides.intake.stored_files import StoredFiles
from idc_slides.intake.watched_folder import WatchedFolder
from idc_slides.jobs.screening import Screening, ScreeningOptions
from idc_slides.jobs.workers import Workers
from idc_slides.reading import SlideFile, SlideUnreadable
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.slides import FileState, Location, new_slide
from idc_slides.records.slides_store import SlidesStore
from idc_slides.scoring.inference_client import InferenceClient
from idc_slides.sql.database import open_database


class Scene:
    """Slides of the folder, and a worker whose every opening of a file goes wrong."""

    def __init__(self, root: Path) -> None:
        self.share, self.away = root / "slides", root / "away"
        self.share.mkdir()
        for name in ("a.svs", "b.svs"):
            (self.share / name).write_bytes(b"1")
        database = open_database(f"sqlite:///{root / 'slides.sqlite3'}")
        self.store, queue, folder = SlidesStore(database), QueueStore(database), WatchedFolder(self.share)
        self.watch = FolderWatch(folder, self.store, settle_s=0, on_new=lambda: None)
        self.watch.look()
        files = SlideFiles(folder, StoredFiles(root / "files", max_bytes=1), Bucket([], {}, max_bytes=1))
        inference = InferenceClient(
            ["http://inference"], "idc", requests_at_once=1, timeout_s=1, transport=httpx.MockTransport(_no_answer)
        )
        screening = Screening(files, queue, CellsStore(database), inference, self._open, ScreeningOptions(1, 1, 1.0))
        self.workers = Workers(screening, queue, folder, count=1)
        self.on_open: Callable[[], None] = lambda: None

    def _open(self, _path: Path) -> SlideFile:
        self.on_open()
        raise SlideUnreadable("unreadable-slide", "copy it again")

    def unmount(self) -> None:
        self.share.rename(self.away)
        self.share.mkdir()

    def mount(self) -> None:
        self.share.rmdir()
        self.away.rename(self.share)

    def work(self) -> str | None:
        """The name of the slide that was tried."""
        stored = self.workers.claim("one")
        if stored is not None:
            self.workers.screen(stored, "one")
        return stored.slide.name if stored else None

    def slides(self) -> dict[str, Slide]:
        return {slide.name: slide for slide in self.store.page(None, "", None, 9).items}

    def failures(self) -> dict[str, str | None]:
        return {name: slide.failure.code if slide.failure else None for name, slide in self.slides().items()}


def _no_answer(_request: httpx.Request) -> NoReturn:
    raise AssertionError


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_slides_wait_while_the_folder_is_away_and_say_so(scene: Scene) -> None:
    scene.unmount()
    tried = [scene.work(), scene.work()]
    waiting = scene.slides()
    scene.mount()

    assert tried == ["a.svs", None]
    assert {slide.state for slide in waiting.values()} == {SlideState.WAITING}
    assert waiting["a.svs"].warnings == (
        "Waits, since the watched folder is empty: mount its share again, or put the files back",
    )
    assert [scene.work(), scene.work()] == ["a.svs", "b.svs"]
    assert set(scene.failures().values()) == {"unreadable-slide"}


def test_other_slides_are_taken_while_the_folder_is_away(scene: Scene) -> None:
    scene.unmount()
    scene.work()
    upload = Location("upload", f"{uuid4()}/upload.svs")
    scene.store.add_one(new_slide(upload, FileState(1, 1), received_by="ann"))

    assert scene.work() == "upload.svs"


def test_a_slide_that_cannot_be_read_since_the_folder_went_away_meanwhile_waits(scene: Scene) -> None:
    scene.on_open = scene.unmount

    scene.work()

    assert {slide.state for slide in scene.slides().values()} == {SlideState.WAITING}


def test_one_file_that_is_gone_fails_until_it_is_seen_again(scene: Scene) -> None:
    (scene.share / "a.svs").rename(scene.share / "a.elsewhere")
    scene.work()
    gone = scene.failures()
    scene.watch.look()
    (scene.share / "a.elsewhere").rename(scene.share / "a.svs")
    scene.watch.look()

    assert gone == {"a.svs": "slide-gone", "b.svs": None}
    assert scene.slides()["a.svs"].state is SlideState.WAITING
