"""Slides that were decided, in order: the gateway reads on from the number that it has."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from pydantic import AwareDatetime, Field
from sqlalchemy import Connection, func, insert, select, text, update

from idc_contracts.base import Contract
from idc_contracts.slides import Slide
from idc_slides.sql.database import Database
from idc_slides.sql.tables import screened

_LOCK: Final = 0x1DC_5C4
"""Held while a slide's number is drawn and committed, so that the gateway sees the numbers in order."""
DELETED_NAME: Final = "deleted"
"""In the place of the name of a file that may identify a patient."""


class ScreenedSlide(Contract):
    """One slide that was decided."""

    number: int = Field(description="Its place in the list; numbers may be missing.")
    message_id: UUID = Field(description="Of the message that tells of it; never changes.")
    slide: Slide = Field(description="As it was when it was decided.")
    decided_at: AwareDatetime | None = Field(
        default=None, description="When reviews changed the decision; null where it is the screening's."
    )


class ScreenedPage(Contract):
    """Some of the list."""

    items: tuple[ScreenedSlide, ...]
    last: int = Field(description="The highest number of the list, 0 where it is empty.")


class ScreenedStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, number: int, limit: int) -> ScreenedPage:
        """At most `limit` slides behind a number, in order."""
        query = select(screened).where(screened.c.number > number).order_by(screened.c.number).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            last = connection.execute(select(func.max(screened.c.number))).scalar_one_or_none() or 0
        items = tuple(
            ScreenedSlide(
                number=row.number,
                message_id=row.message_id,
                slide=Slide.model_validate_json(row.record),
                decided_at=row.decided_at,
            )
            for row in rows
        )
        return ScreenedPage(items=items, last=last)


def put(connection: Connection, slide: Slide, decided_at: datetime | None = None) -> None:
    """Put a slide on the list, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    row = {"message_id": uuid4(), "slide_id": slide.id, "record": slide.model_dump_json(), "decided_at": decided_at}
    connection.execute(insert(screened).values(**row))


def forget_name(connection: Connection, slide_id: UUID) -> None:
    """Take the file's name out of a slide's entries, which stay."""
    query = select(screened.c.number, screened.c.record).where(screened.c.slide_id == slide_id)
    for row in connection.execute(query).all():
        slide = Slide.model_validate_json(row.record).model_copy(update={"name": DELETED_NAME})
        nameless = update(screened).where(screened.c.number == row.number).values(record=slide.model_dump_json())
        connection.execute(nameless)
