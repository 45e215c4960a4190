"""Which of a reader's answers count, and which were given before the reader was shown another's, or the model's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from idc_contracts.slides import CellReview


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
    """The latest review of each reader and cell, oldest first, with the reader's last blind and unaided verdicts.

    Args:
        given: All reviews of a slide, oldest first.
    """
    latest: dict[tuple[int, int, str], CellReview] = {}
    for one in given:
        key = (one.review.column, one.review.row, one.review.reviewer)
        before = latest.pop(key, None)  # its new place is the last one
        latest[key] = _after(before, one)
    return list(latest.values())


def _after(before: CellReview | None, given: GivenReview) -> CellReview:
    """A reader's review of a cell after a further answer; the page does the same (`slide/answered.ts`)."""
    review = given.review
    shown = review.model_shown if before is None else _either_shown(before.model_shown, review.model_shown)
    blind = review.verdict if given.is_blind else before and before.blind_verdict
    is_unaided = given.is_blind and shown is False
    unaided = review.verdict if is_unaided else before and before.unaided_verdict
    return review.model_copy(update={"blind_verdict": blind, "unaided_verdict": unaided, "model_shown": shown})


def _either_shown(before: bool | None, now: bool | None) -> bool | None:  # noqa: FBT001 - what two answers say
    """Whether the model's answer was shown before one of two answers; None where neither says so and one is unknown."""
    if before or now:
        return True
    return False if before is False and now is False else None


def shown_to(reviews: Sequence[CellReview], reader: str) -> list[CellReview]:
    """What a reader may see: their own answers, and those of others for cells that they have answered."""
    own = {(review.column, review.row) for review in reviews if review.reviewer == reader}
    return [review for review in reviews if (review.column, review.row) in own]
