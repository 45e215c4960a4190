"""Slides that became `done`, in order: the gateway reads on from the number that it has."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select

from idc_contracts.base import Contract
from idc_contracts.slides import Slide
from idc_slides.sql.database import Database
from idc_slides.sql.tables import screened


class ScreenedSlide(Contract):
    """One slide that was screened."""

    number: int = Field(description="Its place in the list; numbers may be missing.")
    message_id: UUID = Field(description="Of the message that tells of it; never changes.")
    slide: Slide = Field(description="As it was when it was done.")


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
            ScreenedSlide(number=row.number, message_id=row.message_id, slide=Slide.model_validate_json(row.record))
            for row in rows
        )
        return ScreenedPage(items=items, last=last)
