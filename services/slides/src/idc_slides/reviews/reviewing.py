"""Reviews of a slide's cells; each moves the slide's cut, and the scores of the cells around it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from idc_contracts import utc_now
from idc_contracts.slides import (
    CellReview,
    CellToReview,
    LatestSlides,
    OperatingPoints,
    ReviewsToRecord,
    ReviewToRecord,
    Slide,
    SlideCells,
    SlideState,
)
from idc_slides.errors import BadInput, NotFound
from idc_slides.findings.conclusion import conclude
from idc_slides.findings.decided import DecidedCells, decide_part, decide_slide
from idc_slides.findings.measures import measures_of
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.given_reviews import shown_to
from idc_slides.records.review_change_store import ReviewChange
from idc_slides.records.reviews_store import ReviewsStore, require_done
from idc_slides.records.slides_store import SlidesStore
from idc_slides.reviews.second_reading import second_readings
from idc_slidescores import next_reviews, operating_points


@dataclass(frozen=True)
class ReviewedSlide:
    """A slide that is done, with its cells and what was said of them."""

    slide: Slide
    model: ScreeningModel
    decided: DecidedCells
    reviews: list[CellReview]


class Reviewing:
    """Every use blocks."""

    def __init__(
        self, slides: SlidesStore, cells: CellsStore, reviews: ReviewsStore, *, minimum_idc_mm2: float
    ) -> None:
        self._slides, self._cells, self._reviews = slides, cells, reviews
        self.minimum_idc_mm2 = minimum_idc_mm2

    def done(self, slide_id: UUID) -> ReviewedSlide:
        """A slide that is done, decided with its reviews.

        Raises:
            NotFound: No slide has this id.
            WrongState: It is not done.
        """
        slide = self._slides.get(slide_id).slide
        require_done(slide.state)
        return self._decided(slide)

    def latest(self, limit: int, model_sha256: str) -> LatestSlides:
        """What the latest slides that are done were like to one model, each as it was scored."""
        found, others = [], 0
        for slide in self._slides.page(SlideState.DONE, "", None, limit).items:
            begun = self._cells.get(slide.id)
            if begun is None:
                continue  # it was deleted meanwhile
            model, grid = begun
            if model.ref.sha256 != model_sha256:
                others += 1
            elif measures := measures_of(slide, grid):
                found.append(measures)
        return LatestSlides(items=tuple(found), other_models=others)

    def cells(self, slide_id: UUID) -> SlideCells:
        """The cells of a slide: as decided where it is done, else what is there so far, by the model's own cut.

        Raises:
            NotFound: No slide has this id.
        """
        slide = self._slides.get(slide_id).slide
        if slide.state is SlideState.DONE:
            now = self._decided(slide)
            return now.decided.as_columns(decide_slide(now.model, now.decided.grid) if now.reviews else None)
        begun = self._cells.get(slide_id)
        if begun is None:
            return SlideCells(column=(), row=(), probability=(), logit=(), decision=(), reasons=())
        return decide_part(*begun).as_columns()

    def reviews(self, slide_id: UUID, reader: str) -> list[CellReview]:
        """The latest review of each reviewer and cell, of the cells that a reader has answered.

        From now on the reader knows what others said of these cells: that is noted, and later answers are not blind.

        Raises:
            NotFound: There is no such slide.
        """
        self._slides.get(slide_id)
        return self.show(slide_id, self._reviews.latest(slide_id), reader)

    def show(self, slide_id: UUID, reviews: Sequence[CellReview], reader: str) -> list[CellReview]:
        """Those of a slide's reviews that a reader may see; notes that they are shown."""
        visible = shown_to(reviews, reader)
        unsealed = {(review.column, review.row) for review in visible if review.reviewer != reader}
        if unsealed:
            self._reviews.unseal(slide_id, reader, sorted(unsealed), utc_now())
        return visible

    def next(self, slide_id: UUID, count: int, reader: str, *, second: bool = False) -> list[CellToReview]:
        """The cells that should be reviewed next. Raises as `done` does.

        Args:
            slide_id: The slide.
            count: How many.
            reader: Who asks.
            second: Cells that others have answered and this reader has not, instead of cells that nobody has answered.
        """
        now = self.done(slide_id)
        if second:
            return second_readings(now.reviews, reader)[:count]
        reviewed = {(review.column, review.row) for review in now.reviews}
        return next_reviews(now.decided.means, now.decided.cut, reviewed, count, seed=slide_id.int % 2**32)

    def operating_points(self, slide_id: UUID) -> OperatingPoints:
        """Validation sensitivity and specificity of cuts. Raises as `done` does."""
        now = self.done(slide_id)
        return operating_points(now.model.scores, now.decided.cut)

    def review(self, slide_id: UUID, column: int, row: int, given: ReviewToRecord, reviewer: str) -> Slide:
        """Take a review of one cell; as `review_all`."""
        return self.review_all(slide_id, ReviewsToRecord(cells=((column, row),), **dict(given)), reviewer)

    def review_all(self, slide_id: UUID, given: ReviewsToRecord, reviewer: str) -> Slide:
        """Take one answer for some cells, all or none; gives the slide with its cut moved.

        Raises:
            NotFound: There is no such slide.
            WrongState: It is not done.
            BadInput: A cell was not screened.
        """
        now = utc_now()
        reviews = [
            CellReview(
                column=column,
                row=row,
                verdict=given.verdict,
                reviewer=reviewer,
                reviewed_at=now,
                comment=given.comment,
                model_shown=given.model_shown,
            )
            for column, row in dict.fromkeys(given.cells)
        ]
        with self._reviews.changing(slide_id) as change:
            _require_scored(_begun(change.slide, change.cells)[1], given.cells)
            change.add(reviews)
            return self._decide_again(change)

    def withdraw(self, slide_id: UUID, column: int, row: int, reviewer: str) -> Slide:
        """Delete a reviewer's reviews of a cell; gives the slide with its cut moved back.

        Raises:
            NotFound: There is no such slide, or no review of this reviewer.
            WrongState: The slide is not done, or this reviewer was shown another's answer for the cell.
        """
        with self._reviews.changing(slide_id) as change:
            change.withdraw(column, row, reviewer)
            return self._decide_again(change)

    def _decide_again(self, change: ReviewChange) -> Slide:
        reviews = change.reviews
        decided = decide_slide(*_begun(change.slide, change.cells), reviews)
        slide = conclude(change.slide, decided, reviews, self.minimum_idc_mm2)
        change.decide(slide)
        return slide

    def _decided(self, slide: Slide) -> ReviewedSlide:
        begun, reviews = _begun(slide, self._cells.get(slide.id)), self._reviews.latest(slide.id)
        return ReviewedSlide(slide, begun[0], decide_slide(*begun, reviews), reviews)


def _begun(slide: Slide, cells: tuple[ScreeningModel, CellGrid] | None) -> tuple[ScreeningModel, CellGrid]:
    if cells is None:
        raise NotFound(f"slide {slide.id} has no cells: screen it again")
    return cells


def _require_scored(grid: CellGrid, cells: Iterable[tuple[int, int]]) -> None:
    rows, columns = grid.logits.shape
    for column, row in cells:
        if not (row < rows and column < columns and grid.scored[row, column]):
            raise BadInput(f"the cell in column {column}, row {row} was not screened: review one that GET …/grid lists")
