"""Rows of the table of slides."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, delete, select, update

from idc_contracts.slides import Slide
from idc_slides.errors import NotFound
from idc_slides.records.slides import FileState, Location, StoredSlide, waiting_again
from idc_slides.sql.tables import cells, reviews, slides

FREE: Final = {"owner": None, "lease_until_s": None, "attempts": 0}
"""Of a slide that no worker has: one that had it loses it."""


def stored(row: Row[Any]) -> StoredSlide:
    """A row of the table of slides."""
    return StoredSlide(
        Slide.model_validate_json(row.record),
        Location(row.source, row.location),
        FileState(row.size_bytes, row.modified_ns),
        row.stated_um_per_px,
        row.attempts,
    )


def slide_row(connection: Connection, slide_id: UUID, *, locked: bool = False) -> Row[Any]:
    """The row of a slide; where it is locked, nobody else changes it before the caller's transaction ends.

    Raises:
        NotFound: No slide has this id.
    """
    query = select(slides).where(slides.c.id == slide_id)
    row = connection.execute(query.with_for_update() if locked else query).one_or_none()
    if row is None:
        raise NotFound(f"there is no slide {slide_id}: GET /slides lists them")
    return row


def locked_slide(connection: Connection, slide_id: UUID) -> Slide:
    """A record that nobody else changes before the caller's transaction ends.

    Raises:
        NotFound: No slide has this id.
    """
    return Slide.model_validate_json(slide_row(connection, slide_id, locked=True).record)


def save_record(connection: Connection, slide: Slide, **columns: Any) -> None:
    """Store a record, with other columns of its row, in the caller's transaction."""
    values = {"state": str(slide.state), "record": slide.model_dump_json(), **columns}
    connection.execute(update(slides).where(slides.c.id == slide.id).values(**values))


def queue_again(connection: Connection, slide: Slide, **columns: Any) -> Slide:
    """Put a slide back into the queue, to be screened from its beginning: nothing of the last time is left."""
    again = waiting_again(slide)
    save_record(connection, again, **FREE, **columns)
    connection.execute(delete(cells).where(cells.c.slide_id == slide.id))
    connection.execute(delete(reviews).where(reviews.c.slide_id == slide.id))
    return again
