"""Which of a reader's answers count, and which were given blind: before the reader was shown another's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from idc_contracts.slides import CellReview, SlideVerdict


@dataclass(frozen=True)
class GivenReview:
    """One review as it was given."""

    review: CellReview
    unsealed_at: datetime | None
    """When its reader was first shown another reader's answer for this cell."""

    @property
    def is_blind(self) -> bool:
        """Whether it was given before that."""
        return self.unsealed_at is None or self.review.reviewed_at < self.unsealed_at


def latest_of(given: Iterable[GivenReview]) -> list[CellReview]:
    """The latest review of each reader and cell, oldest first, with the reader's last blind verdict.

    Args:
        given: All reviews of a slide, oldest first.
    """
    latest: dict[tuple[int, int, str], CellReview] = {}
    blind: dict[tuple[int, int, str], SlideVerdict] = {}
    for one in given:
        key = (one.review.column, one.review.row, one.review.reviewer)
        if one.is_blind:
            blind[key] = one.review.verdict
        latest.pop(key, None)  # its new place is the last one
        latest[key] = one.review
    return [review.model_copy(update={"blind_verdict": blind.get(key)}) for key, review in latest.items()]


def shown_to(reviews: Sequence[CellReview], reader: str) -> list[CellReview]:
    """What a reader may see: their own answers, and those of others for cells that they have answered."""
    own = {(review.column, review.row) for review in reviews if review.reviewer == reader}
    return [review for review in reviews if (review.column, review.row) in own]
