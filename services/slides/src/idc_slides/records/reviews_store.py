"""Reviews of cells: all are kept, and the latest of each reviewer and cell counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, insert, select, tuple_, update

from idc_contracts.slides import CellReview
from idc_slides.records.given_reviews import GivenReview, latest_of
from idc_slides.sql.database import Database
from idc_slides.sql.tables import reviews

Cell = tuple[int, int]
"""Column and row."""
_AT_ONCE: Final = 200
"""Cells in one statement: databases bound its parameters."""


class ReviewsStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, slide_id: UUID) -> list[CellReview]:
        """The latest review of each reviewer and cell of a slide, oldest first, with the reader's blind verdict."""
        return latest_of(self._given(slide_id))

    def add(self, slide_id: UUID, given: Sequence[CellReview]) -> None:
        """Keep reviews, all or none. One of a cell where its reader was shown another's answer stays unsealed."""
        shown = {
            (one.review.column, one.review.row, one.review.reviewer): one.unsealed_at for one in self._given(slide_id)
        }
        rows = [
            {
                **review.model_dump(exclude={"blind_verdict"}),
                "verdict": str(review.verdict),
                "slide_id": slide_id,
                "unsealed_at": shown.get((review.column, review.row, review.reviewer)),
            }
            for review in given
        ]
        with self._database.write() as connection:
            connection.execute(insert(reviews), rows)

    def unseal(self, slide_id: UUID, reviewer: str, cells: Sequence[Cell], now: datetime) -> None:
        """Note that a reviewer is shown what others answered for these cells."""
        is_sealed = [
            reviews.c.slide_id == slide_id,
            reviews.c.reviewer == reviewer,
            reviews.c.unsealed_at.is_(None),
        ]
        with self._database.write() as connection:
            for start in range(0, len(cells), _AT_ONCE):
                of_cells = tuple_(reviews.c.column, reviews.c.row).in_(cells[start : start + _AT_ONCE])
                connection.execute(update(reviews).where(*is_sealed, of_cells).values(unsealed_at=now))

    def delete(self, slide_id: UUID, column: int, row: int, reviewer: str) -> bool:
        """Delete what a reviewer said of a cell; gives whether there was something."""
        is_theirs = [
            reviews.c.slide_id == slide_id,
            reviews.c.column == column,
            reviews.c.row == row,
            reviews.c.reviewer == reviewer,
        ]
        with self._database.write() as connection:
            return connection.execute(delete(reviews).where(*is_theirs)).rowcount > 0

    def is_unsealed(self, slide_id: UUID, column: int, row: int, reviewer: str) -> bool:
        """Whether a reviewer was shown another's answer for a cell."""
        return any(
            one.unsealed_at is not None
            for one in self._given(slide_id)
            if (one.review.column, one.review.row, one.review.reviewer) == (column, row, reviewer)
        )

    def _given(self, slide_id: UUID) -> list[GivenReview]:
        """Every review of a slide, oldest first."""
        query = select(reviews).where(reviews.c.slide_id == slide_id).order_by(reviews.c.number)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [GivenReview(CellReview.model_validate(dict(row)), row["unsealed_at"]) for row in rows]
