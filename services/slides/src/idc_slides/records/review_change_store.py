"""A slide that is done while its reviews change: locked, and decided again in the same transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from idc_contracts import utc_now
from idc_contracts.slides import CellReview, Slide
from idc_slides.errors import NotFound, WrongState
from idc_slides.records import screened_store
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.cells_store import cells_of
from idc_slides.records.given_reviews import GivenReview, latest_of
from idc_slides.records.slide_rows import save_record
from idc_slides.sql.tables import reviews


class ReviewChange:
    """Use it within the transaction that locked the slide: `ReviewsStore.changing` gives it."""

    def __init__(self, connection: Connection, slide: Slide) -> None:
        self._connection, self.slide = connection, slide

    @property
    def cells(self) -> tuple[ScreeningModel, CellGrid] | None:
        """The slide's cells, and the model that scored them."""
        return cells_of(self._connection, self.slide.id)

    @property
    def reviews(self) -> list[CellReview]:
        """As `ReviewsStore.latest`, with what was changed so far."""
        return latest_of(given_reviews(self._connection, self.slide.id))

    def add(self, given: Sequence[CellReview]) -> None:
        """Keep reviews. One of a cell where its reader was shown another's answer stays unsealed."""
        unsealed_at = {
            (one.review.column, one.review.row, one.review.reviewer): one.unsealed_at
            for one in given_reviews(self._connection, self.slide.id)
        }
        rows = [
            {
                **review.model_dump(exclude={"blind_verdict", "unaided_verdict"}),
                "verdict": str(review.verdict),
                "slide_id": self.slide.id,
                "unsealed_at": unsealed_at.get((review.column, review.row, review.reviewer)),
            }
            for review in given
        ]
        self._connection.execute(insert(reviews), rows)

    def withdraw(self, column: int, row: int, reviewer: str) -> None:
        """Delete what a reviewer said of a cell.

        Raises:
            NotFound: They said nothing.
            WrongState: They were shown another's answer for it.
        """
        is_theirs: list[ColumnElement[Any]] = [
            reviews.c.slide_id == self.slide.id,
            reviews.c.column == column,
            reviews.c.row == row,
            reviews.c.reviewer == reviewer,
        ]
        unsealed_at = self._connection.execute(select(reviews.c.unsealed_at).where(*is_theirs)).scalars().all()
        if not unsealed_at:
            raise NotFound(f"{reviewer} has not reviewed the cell in column {column}, row {row}")
        if any(unsealed_at):
            raise WrongState(
                f"{reviewer} has seen another reader's answer for the cell in column {column}, row {row}: "
                "change the answer instead of withdrawing it"
            )
        self._connection.execute(delete(reviews).where(*is_theirs))

    def decide(self, slide: Slide) -> None:
        """Store the record as it follows from the reviews; another decision is put on the gateway's list."""
        save_record(self._connection, slide)
        if slide.decision != self.slide.decision:
            screened_store.put(self._connection, slide, utc_now())


def given_reviews(connection: Connection, slide_id: UUID) -> list[GivenReview]:
    """Every review of a slide, oldest first."""
    query = select(reviews).where(reviews.c.slide_id == slide_id).order_by(reviews.c.number)
    rows = connection.execute(query).mappings().all()
    return [GivenReview(CellReview.model_validate(dict(row)), row["unsealed_at"]) for row in rows]
