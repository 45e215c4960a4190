"""Reviews of cells: all are kept, and the latest of each reviewer and cell counts."""

from uuid import UUID

from sqlalchemy import delete, func, insert, select

from idc_contracts.slides import CellReview
from idc_slides.sql.database import Database
from idc_slides.sql.tables import reviews


class ReviewsStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, slide_id: UUID) -> list[CellReview]:
        """The latest review of each reviewer and cell of a slide, oldest first."""
        newest = (
            select(func.max(reviews.c.number))
            .where(reviews.c.slide_id == slide_id)
            .group_by(reviews.c.column, reviews.c.row, reviews.c.reviewer)
        )
        query = select(reviews).where(reviews.c.number.in_(newest)).order_by(reviews.c.number)
        with self._database.read() as connection:
            return [CellReview.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def add(self, slide_id: UUID, review: CellReview) -> None:
        """Keep a review."""
        values = {**review.model_dump(), "verdict": str(review.verdict)}
        with self._database.write() as connection:
            connection.execute(insert(reviews).values(slide_id=slide_id, **values))

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
