"""The cells that a person should review next: those that move the cut most, and some at random."""

from collections.abc import Collection
from typing import Final

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
        reviewed: The cells that were reviewed, as (column, row).
        count: How many are wanted; fewer are returned where no more are left.
        seed: Of the draw, such as a number made from the slide's id.
    """
    left = ~np.isnan(mean_logits)
    if reviewed:
        columns, rows = np.array(sorted(reviewed)).T
        left[rows, columns] = False
    cells = np.argwhere(left)
    nearest = np.argsort(np.abs(mean_logits[left] - cut.logit), kind="stable").tolist()
    taken: dict[int, CellToReview] = {}
    for number in range(len(reviewed), len(reviewed) + min(count, len(cells))):
        rest = [place for place in nearest[: count * 2] if place not in taken]
        chosen, how = rest[0], "nearest_cut"
        if number % _ONE_RANDOM_IN == _ONE_RANDOM_IN - 1:
            rest = [place for place in range(len(cells)) if place not in taken]
            chosen, how = rest[int(np.random.default_rng([seed, number]).integers(len(rest)))], "random"
        row, column = cells[chosen].tolist()
        taken[chosen] = CellToReview(column=column, row=row, chosen=how)
    return list(taken.values())
