"""Reviews of a slide's cells; each moves the slide's cut."""

from dataclasses import dataclass
from uuid import UUID

from idc_contracts import utc_now
from idc_contracts.slides import CellReview, CellToReview, Slide, SlideCells, SlideState, SlideVerdict
from idc_slides.errors import BadInput, NotFound, WrongState
from idc_slides.findings.conclusion import conclude
from idc_slides.findings.decided import DecidedCells, decide_part, decide_slide
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.reviews_store import ReviewsStore
from idc_slides.records.slides_store import SlidesStore
from idc_slidescores import next_reviews


@dataclass(frozen=True)
class ReviewedSlide:
    """A slide that is done, with its cells and what was said of them."""

    slide: Slide
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
            NotFound: There is none of this id.
            WrongState: It is not done.
        """
        slide = self._slides.get(slide_id).slide
        if slide.state is not SlideState.DONE:
            raise WrongState(f"the slide is {slide.state}: this exists for slides that are done")
        return self._decided(slide)

    def cells(self, slide_id: UUID) -> SlideCells:
        """The cells of a slide: as decided where it is done, else what is there so far, by the model's own cut.

        Raises:
            NotFound: There is none of this id.
        """
        slide = self._slides.get(slide_id).slide
        if slide.state is SlideState.DONE:
            return self._decided(slide).decided.as_columns()
        begun = self._cells.get(slide_id)
        if begun is None:
            return SlideCells(column=(), row=(), probability=(), logit=(), decision=(), reasons=())
        return decide_part(*begun).as_columns()

    def reviews(self, slide_id: UUID) -> list[CellReview]:
        """The latest review of each reviewer and cell.

        Raises:
            NotFound: There is no such slide.
        """
        self._slides.get(slide_id)
        return self._reviews.latest(slide_id)

    def next(self, slide_id: UUID, count: int) -> list[CellToReview]:
        """The cells that should be reviewed next. Raises as `done` does."""
        now = self.done(slide_id)
        reviewed = {(review.column, review.row) for review in now.reviews}
        return next_reviews(now.decided.means, now.decided.cut, reviewed, count, seed=slide_id.int % 2**32)

    def review(
        self, slide_id: UUID, column: int, row: int, verdict: SlideVerdict, comment: str | None, reviewer: str
    ) -> Slide:
        """Take a review; gives the slide with its cut moved.

        Raises:
            NotFound: There is no such slide.
            WrongState: It is not done.
            BadInput: The cell was not screened, or the comment is no note.
        """
        _require_scored(self.done(slide_id).decided, column, row)
        review = CellReview(
            column=column, row=row, verdict=verdict, reviewer=reviewer, reviewed_at=utc_now(), comment=comment
        )
        self._reviews.add(slide_id, review)
        return self._slides.decide_again(slide_id, self._concluded)

    def withdraw(self, slide_id: UUID, column: int, row: int, reviewer: str) -> Slide:
        """Delete a reviewer's reviews of a cell; gives the slide with its cut moved back.

        Raises:
            NotFound: There is no such slide, or no review of this reviewer.
            WrongState: The slide is not done.
        """
        self.done(slide_id)
        if not self._reviews.delete(slide_id, column, row, reviewer):
            raise NotFound(f"{reviewer} has not reviewed the cell in column {column}, row {row}")
        return self._slides.decide_again(slide_id, self._concluded)

    def _concluded(self, slide: Slide) -> Slide:
        if slide.state is not SlideState.DONE:
            return slide
        now = self._decided(slide)
        return conclude(slide, now.decided, now.reviews, self.minimum_idc_mm2)

    def _decided(self, slide: Slide) -> ReviewedSlide:
        begun, reviews = self._cells.get(slide.id), self._reviews.latest(slide.id)
        if begun is None:
            raise NotFound(f"slide {slide.id} has no cells: screen it again")
        return ReviewedSlide(slide, decide_slide(*begun, reviews), reviews)


def _require_scored(decided: DecidedCells, column: int, row: int) -> None:
    rows, columns = decided.grid.logits.shape
    if not (row < rows and column < columns and decided.grid.scored[row, column]):
        raise BadInput(f"the cell in column {column}, row {row} was not screened: review one that GET …/grid lists")
