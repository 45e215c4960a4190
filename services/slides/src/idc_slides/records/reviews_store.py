"""Reviews of cells: all are kept, and the latest of each reviewer and cell counts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import tuple_, update

from idc_contracts.slides import CellReview, SlideState
from idc_slides.errors import WrongState
from idc_slides.records.given_reviews import latest_of
from idc_slides.records.review_change_store import ReviewChange, given_reviews
from idc_slides.records.slide_rows import locked_slide
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
        with self._database.read() as connection:
            return latest_of(given_reviews(connection, slide_id))

    @contextmanager
    def changing(self, slide_id: UUID) -> Iterator[ReviewChange]:
        """Change the reviews of a slide that is done and decide it again while the block runs: all of it or nothing.

        Others who change it wait, so that the decision follows from all reviews.

        Raises:
            NotFound: There is no such slide.
            WrongState: It is not done.
            StoreUnavailable: Nothing was stored.
        """
        with self._database.write() as connection:
            slide = locked_slide(connection, slide_id)
            require_done(slide.state)
            yield ReviewChange(connection, slide)

    def unseal(self, slide_id: UUID, reviewer: str, cells: Sequence[Cell], now: datetime) -> None:
        """Note that a reviewer is shown what others answered for these cells.

        Raises:
            NotFound: There is no such slide.
        """
        is_sealed = [
            reviews.c.slide_id == slide_id,
            reviews.c.reviewer == reviewer,
            reviews.c.unsealed_at.is_(None),
        ]
        with self._database.write() as connection:
            locked_slide(connection, slide_id)  # an answer that is being stored must not miss it
            for start in range(0, len(cells), _AT_ONCE):
                of_cells = tuple_(reviews.c.column, reviews.c.row).in_(cells[start : start + _AT_ONCE])
                connection.execute(update(reviews).where(*is_sealed, of_cells).values(unsealed_at=now))


def require_done(state: SlideState) -> None:
    """Raise WrongState where a slide is not done."""
    if state is not SlideState.DONE:
        raise WrongState(f"the slide is {state}: this exists for slides that are done")
