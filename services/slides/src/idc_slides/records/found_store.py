"""Slides whose files were found: new ones are queued; known and deleted ones are recognised by the file's state."""

import unicodedata
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from idc_contracts.slides import Slide, SlideState
from idc_slides.errors import WrongState
from idc_slides.records.slide_rows import queue_again, stored
from idc_slides.records.slides import StoredSlide
from idc_slides.sql.tables import deleted_files, slides

_STATE: Final = ("location_sha256", "size_bytes", "modified_ns")
_LOST: Final = ("slide-gone", "slide-changed")
"""Failures of slides whose file was not there as it was queued."""


def add(connection: Connection, found: StoredSlide) -> bool:
    """Queue a slide that is new or failed without its file, but not one that was deleted; returns whether it did."""
    if not _insert(connection, found):
        return _queue_again_if_lost(connection, found)
    # Only now: on PostgreSQL the insertion waits for a deletion of this very slide.
    if _was_deleted(connection, found):
        connection.execute(delete(slides).where(slides.c.id == found.slide.id))
        return False
    return True


def add_for_person(connection: Connection, found: StoredSlide) -> tuple[Slide, bool]:
    """The record of a slide that a person sends, and whether it is new, as one is that was deleted.

    Raises:
        WrongState: It is known, and too far for the scale that is stated.
    """
    connection.execute(delete(deleted_files).where(*_is_file(deleted_files, found)))
    if _insert(connection, found):
        return found.slide, True
    _queue_again_if_lost(connection, found)
    known = stored(_row_of_file(connection, found))
    return _with_scale(connection, known, found.stated_um_per_px), False


def remember_deletion(connection: Connection, deleted: StoredSlide) -> None:
    """Keep that a slide was deleted whose file may still lie in the watched folder; not the file's name."""
    if deleted.location.source == "folder":
        _insert_once(connection, deleted_files, _STATE, _state(deleted))


def to_search(text: str) -> str:
    """In lower case, each letter one character: macOS writes the dots of an umlaut apart."""
    return unicodedata.normalize("NFC", text.lower())


def _insert(connection: Connection, found: StoredSlide) -> bool:
    values = {
        "id": found.slide.id,
        "state": str(found.slide.state),
        "name_to_search": to_search(found.slide.name),
        "source": found.location.source,
        "location": found.location.text,
        "stated_um_per_px": found.stated_um_per_px,
        "record": found.slide.model_dump_json(),
        "attempts": 0,
        **_state(found),
    }
    return _insert_once(connection, slides, ("source", *_STATE), values)


def _insert_once(connection: Connection, table: Table, unique: tuple[str, ...], values: dict[str, Any]) -> bool:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(**values).on_conflict_do_nothing(index_elements=unique)
    # On PostgreSQL `rowcount` is -1 here: SQLAlchemy asks for the new number itself.
    return connection.execute(statement.returning(table.c.size_bytes)).first() is not None


def _queue_again_if_lost(connection: Connection, found: StoredSlide) -> bool:
    slide = stored(_row_of_file(connection, found)).slide
    is_lost = slide.failure is not None and slide.failure.code in _LOST and found.slide.failure is None
    if is_lost:
        queue_again(connection, slide)
    return is_lost


def _with_scale(connection: Connection, known: StoredSlide, um_per_px: float | None) -> Slide:
    slide = known.slide
    if um_per_px in (None, slide.scale.um_per_px if slide.scale else known.stated_um_per_px):
        return slide
    if slide.state in (SlideState.WAITING, SlideState.NEEDS_SCALE):
        return queue_again(connection, slide, stated_um_per_px=um_per_px)
    first = "" if slide.state.is_final else "cancel it, then "
    raise WrongState(
        f"the slide is known and {slide.state}, with another scale: {first}state it with PATCH /slides/{slide.id}"
    )


def _was_deleted(connection: Connection, found: StoredSlide) -> bool:
    query = select(deleted_files.c.size_bytes).where(*_is_file(deleted_files, found))
    return found.location.source == "folder" and connection.execute(query).one_or_none() is not None


def _row_of_file(connection: Connection, found: StoredSlide) -> Row[Any]:
    """Nobody else changes it before the transaction ends."""
    is_same = [slides.c.source == found.location.source, *_is_file(slides, found)]
    return connection.execute(select(slides).where(*is_same).with_for_update()).one()


def _is_file(table: Table, found: StoredSlide) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in _state(found).items()]


def _state(found: StoredSlide) -> dict[str, Any]:
    return dict(zip(_STATE, (found.location.sha256, found.file.size_bytes, found.file.modified_ns), strict=True))
