"""The tissue of a slide's rows, cut into batches for inference."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_slides.jobs.cell_scores import Batch
from idc_slides.reading import Band

FIRST_CELLS: Final = 8
"""The processor gets as many at once: see `INFERENCE_CHUNK_PATCHES`."""


def batches_of(
    bands: Iterable[Band],
    tissue: NDArray[np.bool_],
    size: int,
    on_unreadable: Callable[[int, NDArray[np.bool_]], None],
) -> Iterator[Batch]:
    """Batches of `size` cells, the last of a slide perhaps smaller or empty, and the first ones.

    They begin with `FIRST_CELLS` and double from one to the next, so that something is shown soon.

    Args:
        bands: The slide's rows, in order.
        tissue: [rows, columns], the cells to score.
        size: Cells in a batch.
        on_unreadable: Called with a row and which of its tissue [columns] could not be read, where there is some.
    """
    rows: list[NDArray[np.intp]] = []
    columns: list[NDArray[np.intp]] = []
    cells: list[NDArray[np.uint8]] = []
    rows_before = rows_done = 0
    next_size = min(FIRST_CELLS, size)
    for band in bands:
        rows_before, rows_done = band.row, band.row + 1
        unreadable = tissue[band.row] & ~band.readable
        if unreadable.any():
            on_unreadable(band.row, unreadable)
        wanted = np.flatnonzero(tissue[band.row] & band.readable)
        rows.append(np.full(len(wanted), band.row))
        columns.append(wanted)
        cells.append(band.cells[wanted])
        while sum(map(len, rows)) >= next_size:
            whole = Batch(np.concatenate(rows), np.concatenate(columns), np.concatenate(cells), rows_done)
            is_all = len(whole.rows) == next_size
            yield _part(whole, slice(0, next_size), rows_done if is_all else rows_before)
            rest = _part(whole, slice(next_size, None), rows_done)
            next_size = min(2 * next_size, size)
            rows, columns, cells = [rest.rows], [rest.columns], [rest.cells]
    if rows:
        yield Batch(np.concatenate(rows), np.concatenate(columns), np.concatenate(cells), rows_done)


def _part(batch: Batch, part: slice, rows_done: int) -> Batch:
    return Batch(batch.rows[part], batch.columns[part], batch.cells[part], rows_done)
