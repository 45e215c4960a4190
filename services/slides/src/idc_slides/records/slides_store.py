"""Records of slides: added once for each state of a file, listed, changed by people, deleted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, select

from idc_contracts.slides import Slide, SlidePage, SlideState
from idc_slides.errors import BadCursor, WrongState
from idc_slides.records import found_store, screened_store
from idc_slides.records.slide_rows import FREE, locked_slide, queue_again, save_record, slide_row, stored
from idc_slides.records.slides import Location, StoredSlide, waiting_again
from idc_slides.sql.database import Database
from idc_slides.sql.tables import cells, slides


class SlidesStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, found: Sequence[StoredSlide]) -> int:
        """Queue those of these slides that are not known yet: by location, size and time of change. Gives their number.

        One that failed because its file was gone or changed is queued again; one that was deleted is not.

        Raises:
            StoreUnavailable: Nothing was stored.
        """
        with self._database.write() as connection:
            return sum(found_store.add(connection, slide) for slide in found)

    def add_one(self, found: StoredSlide) -> tuple[Slide, bool]:
        """The record of a slide that a person sends, and whether it is new, as one is that was deleted.

        Raises:
            WrongState: It is known, and too far for the scale that is stated.
            StoreUnavailable: Nothing was stored.
        """
        with self._database.write() as connection:
            return found_store.add_for_person(connection, found)

    def get(self, slide_id: UUID) -> StoredSlide:
        """A slide.

        Raises:
            NotFound: No slide has this id.
        """
        with self._database.read() as connection:
            return stored(slide_row(connection, slide_id))

    def page(self, state: SlideState | None, search: str, cursor: str | None, limit: int) -> SlidePage:
        """Slides in a state, or in any, whose names hold a text, newest first.

        Raises:
            BadCursor: The cursor is not one of these pages'.
        """
        wanted: list[Any] = [] if state is None else [slides.c.state == str(state)]
        if search:
            wanted.append(slides.c.name_to_search.contains(found_store.to_search(search), autoescape=True))
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
        with self._database.write() as connection:
            slide = locked_slide(connection, slide_id)
            if slide.state is not SlideState.NEEDS_SCALE and not slide.state.is_final:
                raise WrongState(f"the slide is {slide.state}: cancel it first, then state its scale")
            return queue_again(connection, slide, stated_um_per_px=um_per_px)

    def cancel(self, slide_id: UUID) -> Slide:
        """Cancel a slide that is not through; a worker that has it stops soon.

        Raises:
            NotFound: No slide has this id.
            WrongState: It is through.
        """
        with self._database.write() as connection:
            slide = locked_slide(connection, slide_id)
            if slide.state is SlideState.CANCELLED:
                return slide
            if slide.state.is_final:
                raise WrongState(f"the slide is {slide.state}: only one that waits or runs can be cancelled")
            cancelled = waiting_again(slide).model_copy(update={"state": SlideState.CANCELLED})
            save_record(connection, cancelled, **FREE)
            connection.execute(delete(cells).where(cells.c.slide_id == slide_id))
            return cancelled

    def delete(self, slide_id: UUID) -> StoredSlide:
        """Delete a record with its cells and reviews; gives what it was. What the gateway has to tell stays, nameless.

        A file of the watched folder is not queued again as it is, unless a person sends it.

        Raises:
            NotFound: No slide has this id.
        """
        with self._database.write() as connection:
            was = stored(slide_row(connection, slide_id, locked=True))
            connection.execute(delete(slides).where(slides.c.id == slide_id))
            screened_store.forget_name(connection, slide_id)
            found_store.remember_deletion(connection, was)
            return was


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 12):
        raise BadCursor(f"the cursor {cursor[:32]!r} is not one of this list's: start again without it")
    return int(cursor)
