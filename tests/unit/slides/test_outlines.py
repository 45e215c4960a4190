"""Outlines of cells are closed, simple rings that enclose exactly the cells."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idc_slides.exports.outlines import Outline, area, outlines

maps = st.integers(1, 7).flatmap(
    lambda rows: st.integers(1, 7).flatmap(
        lambda columns: st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns).map(
            lambda values: np.array(values).reshape(rows, columns)
        )
    )
)


def enclosed(outline: Outline) -> float:
    return abs(area(outline.outer)) - sum(abs(area(hole)) for hole in outline.holes)


@given(maps)
def test_rings_are_closed_simple_and_enclose_the_cells(cells: NDArray[np.bool_]) -> None:
    found = outlines(cells)

    assert sum(outline.cells for outline in found) == cells.sum()
    for outline in found:
        assert enclosed(outline) == outline.cells
        for ring in (outline.outer, *outline.holes):
            assert ring[0] == ring[-1]
            assert max(Counter(ring[:-1]).values()) == 1, "a ring that touches itself is not simple"
            assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(ring))


def test_a_frame_has_a_hole() -> None:
    cells = np.ones((3, 4), np.bool_)
    cells[1, 1] = False

    (outline,) = outlines(cells)

    assert outline.outer == [(0, 0), (4, 0), (4, 3), (0, 3), (0, 0)]
    assert sorted(outline.holes[0][:-1]) == [(1, 1), (1, 2), (2, 1), (2, 2)]
