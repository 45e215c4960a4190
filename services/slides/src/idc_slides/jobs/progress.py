"""How far a slide is: its record and its cells, stored now and then while it runs."""

import logging
import time
from dataclasses import replace
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Reason
from idc_contracts.slides import Slide, SlideCounts, SlideGrid
from idc_slides.errors import StoreUnavailable
from idc_slides.findings.conclusion import UNREADABLE
from idc_slides.jobs.cell_scores import Batch
from idc_slides.quality import TissueMap, blurred_cells
from idc_slides.records.cells import CellGrid, ScreeningModel, reason_bits
from idc_slides.records.queue_store import QueueStore
from idc_slides.scoring.oip_messages import Scores
from idc_slidescores import logits_of

logger = logging.getLogger(__name__)

SAVE_EVERY_S: Final = 0.5
SAVING_SHARE: Final = 0.1
"""Of the time, at most so much is spent on storing: a slow disk must not slow the slide."""
_CAUTIONS: Final = {"fold": Reason.UNFAMILIAR, "pen": Reason.UNFAMILIAR}
"""What a cell is screened with, and called `uncertain` for."""
_OUT_OF_FOCUS: Final = reason_bits((Reason.OUT_OF_FOCUS,))


class Progress:
    """One slide that runs. Threads that score may report troubles."""

    def __init__(self, queue: QueueStore, slide: Slide, owner: str) -> None:
        self._queue, self.slide, self._owner = queue, slide, owner
        self._warnings = slide.warnings
        self._cells: tuple[ScreeningModel, CellGrid] | None = None
        self._lock = Lock()
        self._begun_s = self._save_from_s = 0.0
        self._first_share, self._first_rows = 0.0, 0

    @property
    def grid(self) -> CellGrid:
        """The cells so far; only after `begin`."""
        assert self._cells is not None  # noqa: S101 - the caller's order
        return self._cells[1]

    @property
    def model(self) -> ScreeningModel:
        """The model; only after `begin`."""
        assert self._cells is not None  # noqa: S101 - the caller's order
        return self._cells[0]

    def describe(self, slide: Slide) -> None:
        """Take what the file says of itself."""
        with self._lock:
            self.slide, self._warnings = slide, slide.warnings
            self._save()

    def begin(self, model: ScreeningModel, grid: CellGrid) -> None:
        """Take the cells to score, or those of a run that was interrupted."""
        with self._lock:
            self._cells = (model, grid)
            self.slide = self.slide.model_copy(update={"model": model.ref, "quality": grid.quality})
            self._begun_s, self._first_share, self._first_rows = time.monotonic(), _share(grid), grid.rows_done
            self._save()
            self._save_from_s = 0.0  # the first scores are shown at once

    def take(self, batch: Batch, scores: Scores) -> None:
        """Take the scores of a batch; they are stored when it is time."""
        blurred = np.where(blurred_cells(batch.cells), _OUT_OF_FOCUS, 0).astype(np.uint8)
        with self._lock:
            grid = self.grid
            grid.logits[batch.rows, batch.columns] = logits_of(scores.probabilities)
            grid.reasons[batch.rows, batch.columns] |= scores.reasons | blurred
            self._cells = (self.model, replace(grid, rows_done=batch.rows_done))
            if time.monotonic() >= self._save_from_s:
                self._save()

    def unreadable(self, row: int, columns: NDArray[np.bool_]) -> None:
        """Take which cells of a row could not be read."""
        with self._lock:
            where = np.zeros(self.grid.logits.shape, np.bool_)
            where[row] = columns
            self._cells = (self.model, self.grid.with_cause(where, UNREADABLE))

    def waits(self, trouble: str | None) -> None:
        """Show what the slide waits for, or that it goes on."""
        more = () if trouble is None else (f"Waits for inference: {trouble}"[:300],)
        with self._lock:
            if (warnings := (*self._warnings, *more)[:16]) != self.slide.warnings:
                self.slide = self.slide.model_copy(update={"warnings": warnings})
                self._save()

    def _save(self) -> None:
        if self._cells is not None:
            grid, share = self._cells[1], _share(self._cells[1])
            gained, spent_s = share - self._first_share, time.monotonic() - self._begun_s
            scored = int(grid.scored.sum())
            self.slide = self.slide.model_copy(
                update={
                    "progress": round(share, 4),
                    "time_left_s": round(spent_s * (1 - share) / gained, 1) if gained > 0 else None,
                    "counts": SlideCounts(cells=grid.logits.size, tissue=scored),
                }
            )
        began_s = time.monotonic()
        try:
            came_further = self._cells is not None and self._cells[1].rows_done > self._first_rows
            self._queue.save(self.slide, self._owner, self._cells, came_further=came_further)
        except StoreUnavailable as exc:  # the result is what counts, and it is stored until that succeeds
            logger.warning("the progress of slide %s was not stored: %s", self.slide.id, exc)
        ended_s = time.monotonic()
        self._save_from_s = ended_s + max(SAVE_EVERY_S, (ended_s - began_s) / SAVING_SHARE)


def new_grid(tissue: TissueMap, size: SlideGrid) -> CellGrid:
    """The cells before the first score."""
    shape = (size.rows, size.columns)
    reasons = np.zeros(shape, np.uint8)
    for note, where in tissue.notes.items():
        if note in _CAUTIONS:
            reasons[where & tissue.tissue] |= reason_bits((_CAUTIONS[note],))
    grid = CellGrid(np.full(shape, np.nan, np.float32), reasons, np.zeros(shape, np.uint8), (), tissue.shares)
    for cause, where in tissue.left_out.items():
        grid = grid.with_cause(where & ~tissue.tissue, cause)
    return grid


def _share(grid: CellGrid) -> float:
    wanted = int((grid.causes == 0).sum())
    return int(grid.scored.sum()) / wanted if wanted else 0.0
