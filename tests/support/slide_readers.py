"""A slide that is done, and people who read it."""

from typing import Final

import numpy as np

from idc_contracts import ModelRef, Thresholds
from idc_contracts.slides import CellReview, ReviewsToRecord, SlideGrid, SlideState, SlideVerdict
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.cells_store import CellsStore
from idc_slides.records.queue_store import QueueStore
from idc_slides.records.reviews_store import ReviewsStore
from idc_slides.records.slides import FileState, Location, new_slide
from idc_slides.records.slides_store import SlidesStore
from idc_slides.reviews.reviewing import Reviewing
from idc_slides.sql.database import open_database
from support.made_slide_scores import SCORES

MODEL: Final = ScreeningModel(
    ref=ModelRef(name="idc", version="1", sha256="0" * 64),
    thresholds=Thresholds(no_idc_below=0.4, idc_from=0.6),
    scores=SCORES,
)
SIDE: Final = 20


class Readers:
    """A slide that is done, and people who read it."""

    def __init__(self, database_url: str) -> None:
        self.database = database = open_database(database_url)
        store, queue = SlidesStore(database), QueueStore(database)
        slide, _ = store.add_one(new_slide(Location("folder", "s.svs"), FileState(1, 1), received_by="folder"))
        self.slide_id = slide.id
        claimed = queue.claim("w")
        assert claimed is not None
        shape = (SIDE, SIDE)
        logits = np.random.default_rng(0).normal(0, 2, shape).astype(np.float32)
        done = claimed.slide.model_copy(
            update={"state": SlideState.DONE, "grid": SlideGrid(columns=SIDE, rows=SIDE, pitch_px=50.0)}
        )
        queue.finish(done, "w", MODEL, CellGrid(logits, np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)))
        self.reviewing = Reviewing(store, CellsStore(database), ReviewsStore(database), minimum_idc_mm2=1.0)

    def says(
        self, reader: str, verdict: SlideVerdict, *cells: tuple[int, int], model_shown: bool | None = None
    ) -> None:
        given = ReviewsToRecord(cells=cells or ((1, 2),), verdict=verdict, model_shown=model_shown)
        self.reviewing.review_all(self.slide_id, given, reader)

    def withdraws(self, reader: str) -> None:
        self.reviewing.withdraw(self.slide_id, 1, 2, reader)

    def sees(self, reader: str) -> dict[str, SlideVerdict]:
        return {review.reviewer: review.verdict for review in self._shown(reader)}

    def blind(self, reader: str) -> dict[str, SlideVerdict | None]:
        return {review.reviewer: review.blind_verdict for review in self._shown(reader)}

    def unaided(self, reader: str) -> SlideVerdict | None:
        """The reader's own answer without the model's."""
        (own,) = (review for review in self._shown(reader) if review.reviewer == reader)
        return own.unaided_verdict

    def _shown(self, reader: str) -> list[CellReview]:
        return self.reviewing.reviews(self.slide_id, reader)

    def asked(self, reader: str, *, second: bool) -> list[tuple[int, int]]:
        found = self.reviewing.next(self.slide_id, 100, reader, second=second)
        return [(cell.column, cell.row) for cell in found]
