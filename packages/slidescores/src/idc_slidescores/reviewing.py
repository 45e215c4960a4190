"""The cells that a person should review next: those nearest the cut, which move it most, and some at random."""

from collections.abc import Collection
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from idc_contracts.slides import CellToReview
from idc_slidescores.cuts import FittedCut

_ONE_RANDOM_IN: Final = 10


def next_reviews(
    mean_logits: NDArray[np.floating],
    cut: FittedCut,
    reviewed: Collection[tuple[int, int]],
    count: int,
    seed: int = 0,
) -> list[CellToReview]:
    """Cells to review: those nearest the cut, and every tenth drawn at random; the same for the same arguments.

    Args:
        mean_logits: Of the cells and their neighbours, shape (rows, columns), NaN where there is none.
        cut: Of the slide, with the reviews so far.
        reviewed: The cells that were reviewed, as (column, row), those judged `unsure` too.
        count: How many are wanted; fewer are returned where no more are left.
        seed: Of the draw, from 0, such as a number made from the slide's id.
    """
    done = {*reviewed}
    left = ~np.isnan(mean_logits)
    for column, row in done:
        left[row, column] = False
    cells = np.argwhere(left)
    by_distance = np.argsort(np.abs(mean_logits[left] - cut.logit), kind="stable")
    is_taken = np.zeros(len(cells), np.bool_)
    proposed = []
    for number in range(len(done), len(done) + min(count, len(cells))):
        at_random = number % _ONE_RANDOM_IN == _ONE_RANDOM_IN - 1
        place = _drawn(is_taken, seed, number) if at_random else int(by_distance[~is_taken[by_distance]][0])
        is_taken[place] = True
        row, column = cells[place].tolist()
        chosen: Literal["random", "nearest_cut"] = "random" if at_random else "nearest_cut"
        proposed.append(CellToReview(column=column, row=row, chosen=chosen))
    return proposed


def _drawn(is_taken: NDArray[np.bool_], seed: int, number: int) -> int:
    rest = np.flatnonzero(~is_taken)
    return int(rest[np.random.default_rng([seed, number]).integers(len(rest))])
