"""The cells of a slide, decided."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Decision, Reason
from idc_contracts.slides import CellReview, SlideCells, SlideVerdict
from idc_slides.records.cells import REASONS, CellGrid, ScreeningModel, reason_bits, reasons_of
from idc_slidescores import FittedCut, Reviewed, cell_scores, decide_cells, fit_cut, model_cut, spread_verdicts

_BETWEEN: Final = reason_bits((Reason.BETWEEN_THRESHOLDS,))


@dataclass(frozen=True)
class DecidedCells:
    """The cells that have a score, row by row, with what follows from the cut."""

    grid: CellGrid
    means: NDArray[np.float32]
    """[rows, columns]: scores of the cells with their neighbours, moved by the verdicts near them; NaN where none."""
    cut: FittedCut

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """[N, 2]: row and column of each cell."""
        return np.argwhere(self.grid.scored)

    @cached_property
    def has_reason(self) -> NDArray[np.bool_]:
        """[N]: cells that a check makes `uncertain`, whatever they score."""
        return self.grid.reasons[self.grid.scored] > 0

    @cached_property
    def decisions(self) -> NDArray[Any]:
        """[N] of `Decision`."""
        return decide_cells(self.means[self.grid.scored], self.cut, self.has_reason)

    @cached_property
    def reasons(self) -> NDArray[np.uint8]:
        """[N] bits: those of the checks, and `between_thresholds` where the cut leaves a cell undecided."""
        means = self.means[self.grid.scored]
        between = (means >= self.cut.low) & (means < self.cut.high)
        return np.asarray(self.grid.reasons[self.grid.scored] | np.where(between, _BETWEEN, 0), np.uint8)

    @property
    def judged_means(self) -> NDArray[np.float32]:
        """Scores of the cells that no check speaks against, from which the cut and the areas follow."""
        return np.asarray(self.means[self.grid.scored & (self.grid.reasons == 0)], np.float32)

    @property
    def rounded_scores(self) -> tuple[float, ...]:
        """[N]: as the interface gives them."""
        return tuple(np.round(self.means[self.grid.scored].astype(np.float64), 4).tolist())

    def map_of(self, decision: Decision) -> NDArray[np.bool_]:
        """[rows, columns]: the cells with a decision."""
        found = np.zeros(self.grid.logits.shape, np.bool_)
        rows, columns = self.places[self.decisions == decision].T
        found[rows, columns] = True
        return found

    def reason_counts(self) -> dict[Reason, int]:
        """How many cells have each reason."""
        counted = {reason: int((self.reasons >> bit & 1).sum()) for bit, reason in enumerate(REASONS)}
        return {reason: count for reason, count in counted.items() if count}

    def as_columns(self, before: "DecidedCells | None" = None) -> SlideCells:
        """The cells as the interface gives them; `before` is the slide without its reviews, where it has some."""
        logits = self.grid.logits[self.grid.scored].astype(np.float64)
        return SlideCells(
            column=tuple(self.places[:, 1].tolist()),
            row=tuple(self.places[:, 0].tolist()),
            probability=tuple(np.round(1 / (1 + np.exp(-logits)), 5).tolist()),
            logit=self.rounded_scores,
            decision=tuple(self.decisions.tolist()),
            model_decision=tuple(before.decisions.tolist()) if before else (),
            model_logit=before.rounded_scores if before else (),
            model_cut=before.cut.slide_cut if before else None,
            reasons=tuple(reasons_of(bits) for bits in self.reasons.tolist()),
            left_out={
                cause: tuple((column, row) for row, column in cells.tolist())
                for cause, cells in self.grid.left_out().items()
            },
        )


def decide_slide(model: ScreeningModel, grid: CellGrid, reviews: Sequence[CellReview] = ()) -> DecidedCells:
    """Fit the cut to a slide's own scores and reviews, and decide its cells."""
    means = cell_scores(grid.logits, model.scores)
    judged = grid.scored & (grid.reasons == 0)
    rows, columns, is_idc = agreed_verdicts(reviews, judged)
    cut = fit_cut(means[judged], model.scores, model.thresholds, Reviewed(means[rows, columns], is_idc))
    return DecidedCells(grid, spread_verdicts(means, cut, model.scores, rows, columns, is_idc), cut)


def decide_part(model: ScreeningModel, grid: CellGrid) -> DecidedCells:
    """Decide the cells that have a score so far, by the model's own cut."""
    means = cell_scores(grid.logits, model.scores)
    cut = model_cut(model.thresholds, model.scores, "The slide is not through.")
    return DecidedCells(grid, means, cut)


def agreed_verdicts(
    reviews: Sequence[CellReview], judged: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Rows and columns of the judged cells on which reviewers agree, and whether they are IDC, shape (R,) each.

    The verdict is that of most of them; a cell on which they are divided counts for nothing.
    """
    votes: Counter[tuple[int, int]] = Counter()
    for review in reviews:
        if review.verdict is not SlideVerdict.UNSURE:
            votes[review.row, review.column] += 1 if review.verdict is SlideVerdict.IDC else -1
    sure = [(row, column, vote > 0) for (row, column), vote in votes.items() if vote and judged[row, column]]
    places = np.array([(row, column) for row, column, _ in sure], np.intp).reshape(-1, 2)
    return places[:, 0], places[:, 1], np.array([is_idc for _, _, is_idc in sure], np.bool_)
