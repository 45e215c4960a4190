"""Records of slides: added once for each state of a file, listed, changed by people, deleted."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idc_contracts.slides import Slide, SlidePage, SlideState
from idc_slides.errors import BadCursor, NotFound, WrongState
from idc_slides.records import screened_store
from idc_slides.records.slides import FileState, Location, StoredSlide, waiting_again
from idc_slides.sql.database import Database
from idc_slides.sql.tables import cells, reviews, slides

_ONCE: Final = ("source", "location_sha256", "size_bytes", "modified_ns")


class SlidesStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, found: Sequence[StoredSlide]) -> int:
        """Add those of these slides that are not known yet: by location, size and time of change. Gives their number.

        Raises:
            StoreUnavailable: Nothing was stored.
        """
        with self._database.write() as connection:
            return sum(_insert(connection, slide) for slide in found)

    def add_one(self, found: StoredSlide) -> tuple[Slide, bool]:
        """The record of a slide, and whether it is new.

        Raises:
            StoreUnavailable: Nothing was stored.
        """
        with self._database.write() as connection:
            is_new = _insert(connection, found) == 1
            values = (found.location.source, found.location.sha256, found.file.size_bytes, found.file.modified_ns)
            is_same = [slides.c[name] == value for name, value in zip(_ONCE, values, strict=True)]
            record = connection.execute(select(slides.c.record).where(*is_same)).scalar_one()
            return Slide.model_validate_json(record), is_new

    def get(self, slide_id: UUID) -> StoredSlide:
        """A slide.

        Raises:
            NotFound: No slide has this id.
        """
        with self._database.read() as connection:
            return stored(_one(connection, slide_id))

    def page(self, state: SlideState | None, search: str, cursor: str | None, limit: int) -> SlidePage:
        """Slides in a state, or in any, whose names hold a text, newest first.

        Raises:
            BadCursor: The cursor is not one of these pages'.
        """
        wanted: list[Any] = [] if state is None else [slides.c.state == str(state)]
        if search:
            wanted.append(slides.c.name_to_search.contains(_to_search(search), autoescape=True))
        newest: Select[Any] = select(slides.c.number, slides.c.record).order_by(slides.c.number.desc())
        before = [] if cursor is None else [slides.c.number < _number(cursor)]
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(slides).where(*wanted)).scalar_one()
            rows = connection.execute(newest.where(*wanted, *before).limit(limit + 1)).all()
        items = tuple(Slide.model_validate_json(row.record) for row in rows[:limit])
        return SlidePage(
            items=items, next_cursor=str(rows[limit - 1].number) if len(rows) > limit else None, total=total
        )

    def count_by_state(self) -> dict[SlideState, int]:
        """How many slides are in each state."""
        with self._database.read() as connection:
            counted = connection.execute(select(slides.c.state, func.count()).group_by(slides.c.state)).all()
        return dict.fromkeys(SlideState, 0) | {SlideState(state): count for state, count in counted}

    def folders_of_files(self) -> set[UUID]:
        """The folders of stored files that slides have their files in."""
        query = select(slides.c.id, slides.c.source, slides.c.location).where(slides.c.source != "folder")
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = (Location(row.source, row.location).folder_of_files(row.id) for row in rows)
        return {folder for folder in found if folder is not None}

    def state_scale(self, slide_id: UUID, um_per_px: float | None) -> Slide:
        """State the scale of a slide that needs it, or of one that is through: it is screened from its beginning.

        Args:
            slide_id: The slide.
            um_per_px: Of the finest level; None is what the file says.

        Raises:
            NotFound: No slide has this id.
            WrongState: It waits or runs.
        """

        def again(slide: Slide) -> Slide:
            if slide.state is not SlideState.NEEDS_SCALE and not slide.state.is_final:
                raise WrongState(f"the slide is {slide.state}: cancel it first, then state its scale")
            return waiting_again(slide)

        with self._database.write() as connection:
            slide = _change(connection, slide_id, again, stated_um_per_px=um_per_px)
            connection.execute(delete(cells).where(cells.c.slide_id == slide_id))
            connection.execute(delete(reviews).where(reviews.c.slide_id == slide_id))
            return slide

    def cancel(self, slide_id: UUID) -> Slide:
        """Cancel a slide that is not through; a worker that has it stops soon.

        Raises:
            NotFound: No slide has this id.
            WrongState: It is through.
        """

        def cancelled(slide: Slide) -> Slide:
            if slide.state is SlideState.CANCELLED:
                return slide
            if slide.state.is_final:
                raise WrongState(f"the slide is {slide.state}: only one that waits or runs can be cancelled")
            return waiting_again(slide).model_copy(update={"state": SlideState.CANCELLED})

        with self._database.write() as connection:
            slide = _change(connection, slide_id, cancelled)
            connection.execute(delete(cells).where(cells.c.slide_id == slide_id))
            return slide

    def delete(self, slide_id: UUID) -> StoredSlide:
        """Delete a record with its cells and reviews; gives what it was. What the gateway has to tell stays, nameless.

        Raises:
            NotFound: No slide has this id.
        """
        with self._database.write() as connection:
            was = stored(_one(connection, slide_id, locked=True))
            connection.execute(delete(slides).where(slides.c.id == slide_id))
            screened_store.forget_name(connection, slide_id)
            return was


def stored(row: Row[Any]) -> StoredSlide:
    """A row of the table of slides."""
    return StoredSlide(
        Slide.model_validate_json(row.record),
        Location(row.source, row.location),
        FileState(row.size_bytes, row.modified_ns),
        row.stated_um_per_px,
        row.attempts,
    )


def locked_slide(connection: Connection, slide_id: UUID) -> Slide:
    """A record that nobody else changes before the caller's transaction ends.

    Raises:
        NotFound: No slide has this id.
    """
    return Slide.model_validate_json(_one(connection, slide_id, locked=True).record)


def save_record(connection: Connection, slide: Slide, **columns: Any) -> None:
    """Store a record, with other columns of its row, in the caller's transaction."""
    values = {"state": str(slide.state), "record": slide.model_dump_json(), **columns}
    connection.execute(update(slides).where(slides.c.id == slide.id).values(**values))


def _insert(connection: Connection, found: StoredSlide) -> int:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(slides).values(
        id=found.slide.id,
        state=str(found.slide.state),
        name_to_search=_to_search(found.slide.name),
        source=found.location.source,
        location=found.location.text,
        location_sha256=found.location.sha256,
        size_bytes=found.file.size_bytes,
        modified_ns=found.file.modified_ns,
        stated_um_per_px=found.stated_um_per_px,
        record=found.slide.model_dump_json(),
        attempts=0,
    )
    return connection.execute(statement.on_conflict_do_nothing(index_elements=_ONCE)).rowcount


def _one(connection: Connection, slide_id: UUID, *, locked: bool = False) -> Row[Any]:
    query = select(slides).where(slides.c.id == slide_id)
    row = connection.execute(query.with_for_update() if locked else query).one_or_none()
    if row is None:
        raise NotFound(f"there is no slide {slide_id}: GET /slides lists them")
    return row


def _change(connection: Connection, slide_id: UUID, change: Callable[[Slide], Slide], **columns: Any) -> Slide:
    """Change a record; the worker that has the slide loses it."""
    slide = change(locked_slide(connection, slide_id))
    save_record(connection, slide, owner=None, lease_until_s=None, attempts=0, **columns)
    return slide


def _to_search(text: str) -> str:
    """In lower case, each letter one character: macOS writes the dots of an umlaut apart."""
    return unicodedata.normalize("NFC", text.lower())


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 12):
        raise BadCursor(f"the cursor {cursor[:32]!r} is not one of this list's: start again without it")
    return int(cursor)
