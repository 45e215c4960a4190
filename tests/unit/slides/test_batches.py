"""Batches hold every readable cell of tissue once, and say which rows are complete with them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idc_slides.jobs.batches import batches_of
from idc_slides.reading import Band


@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_batches_hold_each_cell_once(rows: int, columns: int, size: int, seed: int, first_row: int) -> None:
    random = np.random.default_rng(seed)
    tissue, readable = random.random((2, rows, columns)) < 0.6
    cells = random.integers(0, 256, (rows, columns, 50, 50, 3), np.uint8)
    bands = (Band(row, cells[row], readable[row]) for row in range(first_row, rows))
    unreadable = np.zeros((rows, columns), np.bool_)

    def note(row: int, where: np.ndarray) -> None:
        unreadable[row] = where

    done = first_row
    found = np.zeros((rows, columns), np.int64)
    for batch in batches_of(bands, tissue, size, note):
        assert len(batch.rows) <= size
        assert np.array_equal(batch.cells, cells[batch.rows, batch.columns])
        found[batch.rows, batch.columns] += 1
        assert batch.rows_done >= done
        done = batch.rows_done
        wanted = (tissue & readable)[first_row:done]
        assert np.array_equal(found[first_row:done] > 0, wanted), "a row that is called done lacks no cell"

    assert done == max(rows, first_row)
    assert found.max(initial=0) <= 1
    assert np.array_equal(unreadable[first_row:], (tissue & ~readable)[first_row:])
