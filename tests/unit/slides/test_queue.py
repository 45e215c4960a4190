"""A slide of the queue belongs to one worker, and what a worker stores is whole."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, update

from idc_contracts import Decision, ModelRef, Thresholds
from idc_contracts.slides import Slide, SlideArea, SlideFailure, SlideState
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
from idc_slides.sql.tables import deleted_files, slides

MODEL = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64), thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6)
)
GRID = CellGrid(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'slides.sqlite3'}")


def found(name: str = "a.svs", size_bytes: int = 1) -> StoredSlide:
    return new_slide(Location("folder", name), FileState(size_bytes, 1), received_by="folder")


def with_scale(um_per_px: float | None) -> StoredSlide:
    return replace(found(), stated_um_per_px=um_per_px)


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


def test_only_a_slide_that_came_further_may_be_interrupted_as_often_again(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    attempts = []
    for came_further in (False, False, True, False):
        stored = claimed(queue, "one")
        attempts.append(stored.attempts)
        queue.save(stored.slide, "one", (MODEL, GRID), came_further=came_further)
        assert queue.free_all() == 1

    assert attempts == [1, 2, 3, 1]


def test_slides_of_one_source_can_be_left_waiting_while_others_are_taken(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    upload = new_slide(Location("upload", f"{uuid4()}/b.svs"), FileState(1, 1), received_by="ann")
    store.add([found("a.svs"), upload])

    taken = queue.claim("one", but_from="folder")

    assert taken is not None
    assert taken.slide.name == "b.svs"
    assert queue.claim("two", but_from="folder") is None


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


def test_a_deleted_slide_is_queued_again_by_a_person_alone(database: Database) -> None:
    store = SlidesStore(database)
    deleted, _ = store.add_one(found("Jane Doe.svs"))
    store.delete(deleted.id)

    added = store.add([found("Jane Doe.svs"), found("other.svs")])
    changed = store.add([found("Jane Doe.svs", size_bytes=2)])
    with database.read() as connection:
        kept = connection.execute(select(deleted_files)).all()
    again, is_new = store.add_one(found("Jane Doe.svs"))
    store.delete(again.id)

    assert (added, changed, is_new) == (1, 1, True)
    assert "Jane" not in str(kept)
    assert store.add([found("Jane Doe.svs")]) == 0


@pytest.mark.parametrize("code", ["slide-gone", "slide-changed"])
def test_a_slide_that_failed_for_want_of_its_file_is_queued_when_the_file_is_seen_again(
    database: Database, code: str
) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add_one(with_scale(0.25))
    fail(queue, code)

    assert (store.add([found()]), store.add([found()])) == (1, 0)
    again = claimed(queue, "two")
    assert (again.stated_um_per_px, again.attempts, again.slide.failure) == (0.25, 1, None)


def test_a_slide_that_failed_otherwise_is_not_queued_by_being_seen(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    fail(queue, "unreadable-slide")

    assert store.add([found()]) == 0
    assert queue.claim("two") is None


def fail(queue: QueueStore, code: str) -> None:
    failure = SlideFailure(code=code, detail="it says why")
    slide = claimed(queue, "one").slide
    queue.stop(slide.model_copy(update={"state": SlideState.FAILED, "failure": failure}), "one")


def test_a_scale_that_is_stated_for_a_known_slide_counts_while_it_waits(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])

    slide, is_new = store.add_one(with_scale(0.25))
    unchanged, _ = store.add_one(with_scale(None))

    assert (is_new, slide.state, unchanged.state) == (False, SlideState.WAITING, SlideState.WAITING)
    assert claimed(queue, "one").stated_um_per_px == 0.25


def test_another_scale_for_a_slide_that_runs_or_is_through_is_refused_and_names_the_way(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add_one(with_scale(0.25))
    slide = claimed(queue, "one").slide

    with pytest.raises(WrongState, match=f"running, with another scale: cancel it, then .* PATCH /slides/{slide.id}"):
        store.add_one(with_scale(0.5))
    assert store.add_one(with_scale(0.25))[0].state is SlideState.RUNNING
    queue.finish(slide.model_copy(update={"state": SlideState.DONE}), "one", MODEL, GRID)
    with pytest.raises(WrongState, match="done, with another scale: state it with PATCH"):
        store.add_one(with_scale(0.5))
    assert store.add_one(with_scale(None))[0].state is SlideState.DONE


def test_a_scale_is_stated_for_a_slide_that_needs_it(database: Database) -> None:
    store, queue = SlidesStore(database), QueueStore(database)
    store.add([found()])
    slide = claimed(queue, "one").slide
    queue.stop(slide.model_copy(update={"state": SlideState.NEEDS_SCALE}), "one")

    assert store.add_one(with_scale(0.5))[0].state is SlideState.WAITING
    assert claimed(queue, "two").stated_um_per_px == 0.5
