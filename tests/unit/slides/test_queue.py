"""A slide of the queue belongs to one worker, and what a worker stores is whole."""

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import update

from idc_contracts import Decision, ModelRef, Thresholds
from idc_contracts.slides import Slide, SlideArea, SlideState
from idc_servicekit.sql.engine import make_engine
from idc_slides.errors import LeaseLost, NotFound, WrongState
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.reviews_store import ReviewsStore
from idc_slides.records.screened_store import ScreenedStore
from idc_slides.records.slides import FileState, Location, StoredSlide, new_slide
from idc_slides.records.slides_store import SlidesStore
from idc_slides.sql.database import Database, open_database
from idc_slides.sql.tables import slides

MODEL = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64), thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6)
)
GRID = CellGrid(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'slides.sqlite3'}")


def found(name: str = "a.svs", size_bytes: int = 1) -> StoredSlide:
    return new_slide(Location("folder", name), FileState(size_bytes, 1), received_by="folder")


def claimed(queue: QueueStore, owner: str) -> StoredSlide:
    stored = queue.claim(owner)
    assert stored is not None
    return stored


def test_slides_are_taken_in_order_and_each_once(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found("a.svs"), found("b.svs")])

    names = [claimed(queue, owner).slide.name for owner in ("one", "two")]

    assert names == ["a.svs", "b.svs"]
    assert queue.claim("three") is None


def test_a_slide_whose_worker_is_gone_is_taken_by_another(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    first = claimed(queue, "one")
    with database.write() as connection:
        connection.execute(update(slides).values(lease_until_s=0.0))

    second = claimed(queue, "two")

    assert (second.slide.id, second.attempts) == (first.slide.id, 2)
    with pytest.raises(LeaseLost):
        queue.finish(first.slide, "one", MODEL, GRID)
    with pytest.raises(LeaseLost):
        queue.renew(first.slide.id, "one")
    assert ScreenedStore(database).after(0, 10).items == ()


def test_a_slide_that_is_done_is_stored_whole_and_told_once(database: Database) -> None:
    store, queue, screened = SlidesStore(database), QueueStore(database), ScreenedStore(database)
    store.add([found()])
    slide = claimed(queue, "one").slide.model_copy(update={"state": SlideState.DONE})

    queue.finish(slide, "one", MODEL, GRID)

    first, again = screened.after(0, 10), screened.after(0, 10)
    assert first == again
    assert first.items[0].slide == store.get(slide.id).slide == slide
    assert CellsStore(database).get(slide.id) is not None
    assert screened.after(first.last, 10).items == ()


def done(database: Database, name: str, decision: Decision = Decision.IDC) -> Slide:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found(name)])
    slide = claimed(queue, "one").slide.model_copy(update={"state": SlideState.DONE, "decision": decision})
    queue.finish(slide, "one", MODEL, GRID)
    return slide


def test_a_deleted_slide_is_still_told_without_the_name_of_its_file(database: Database) -> None:
    screened = ScreenedStore(database)
    kept, deleted = done(database, "kept.svs"), done(database, "Jane Doe.svs")

    SlidesStore(database).delete(deleted.id)

    page = screened.after(0, 10)
    assert [item.slide.name for item in page.items] == [kept.name, "deleted"]
    assert page.items[1].slide.model_copy(update={"name": deleted.name}) == deleted
    assert page.last == page.items[1].number


def test_a_number_of_the_list_is_never_given_again(database: Database) -> None:
    screened = ScreenedStore(database)
    first = done(database, "a.svs")
    before = screened.after(0, 10).last
    SlidesStore(database).delete(first.id)

    done(database, "b.svs")

    assert screened.after(before, 10).items[0].number > before


def test_only_reviews_that_change_the_decision_are_told(database: Database) -> None:
    reviews, screened = ReviewsStore(database), ScreenedStore(database)
    slide = done(database, "a.svs", Decision.NO_IDC)
    first = screened.after(0, 10).items[0]

    with reviews.changing(slide.id) as change:
        change.decide(change.slide.model_copy(update={"idc": SlideArea(mm2=0.5)}))
    same = screened.after(first.number, 10)
    with reviews.changing(slide.id) as change:
        change.decide(change.slide.model_copy(update={"decision": Decision.IDC}))
    changed = screened.after(first.number, 10)

    assert (first.decided_at, same.items, len(changed.items)) == (None, (), 1)
    assert changed.items[0].slide.decision is Decision.IDC
    assert changed.items[0].message_id != first.message_id
    assert changed.items[0].decided_at is not None


def test_a_list_of_the_first_version_keeps_its_rows_and_its_numbers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'slides.sqlite3'}"
    engine = make_engine(url, connections=2, statement_timeout_s=10)
    old = "INSERT INTO screened (message_id, slide_id, record) VALUES ('{0:032x}', '{0:032x}', '{{}}')"
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(files("idc_slides.sql") / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(tmp_path / "slides.sqlite3")) as file:
        file.executescript(";".join(old.format(number) for number in (1, 2, 3)) + ";")
        file.execute("DELETE FROM screened WHERE number = 3")
        file.commit()

    database = open_database(url)

    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT number, decided_at FROM screened ORDER BY number").all()
    done(database, "new.svs")
    assert [tuple(row) for row in rows] == [(1, None), (2, None)]
    assert ScreenedStore(database).after(2, 10).items[0].number == 4


def test_a_slide_that_failed_shows_no_cells(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    slide = claimed(queue, "one").slide
    queue.save(slide, "one", (MODEL, GRID))

    queue.stop(slide.model_copy(update={"state": SlideState.FAILED}), "one")

    assert CellsStore(database).get(slide.id) is None


def test_a_slide_that_came_further_may_be_interrupted_again(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    slide = claimed(queue, "one").slide
    queue.save(slide, "one", (MODEL, GRID))

    assert queue.free_all() == 1
    assert claimed(queue, "two").attempts == 1


def test_the_same_state_of_a_file_is_one_slide(database: Database) -> None:
    store = SlidesStore(database)

    first, is_new = store.add_one(found())
    second, is_new_again = store.add_one(found())
    other, is_other_new = store.add_one(found(size_bytes=2))

    assert (is_new, is_new_again, is_other_new) == (True, False, True)
    assert first.id == second.id != other.id


def test_what_people_do_takes_the_slide_from_its_worker(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    slide = claimed(queue, "one").slide

    with pytest.raises(WrongState):
        store.state_scale(slide.id, 0.5)
    store.cancel(slide.id)
    with pytest.raises(LeaseLost):
        queue.save(slide, "one", (MODEL, GRID))
    again = store.state_scale(slide.id, 0.5)

    assert again.state is SlideState.WAITING
    assert claimed(queue, "two").stated_um_per_px == 0.5
    store.delete(slide.id)
    with pytest.raises(NotFound):
        store.get(slide.id)
    with pytest.raises(NotFound):
        store.cancel(uuid4())
