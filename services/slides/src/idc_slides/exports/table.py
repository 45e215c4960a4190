"""The cells of a slide as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Final

from idc_contracts.slides import CellReview, SlideGrid
from idc_slides.findings.decided import DecidedCells
from idc_slides.records.cells import reasons_of

COLUMNS: Final = (
    "column",
    "row",
    "x_px",
    "y_px",
    "width_px",
    "probability",
    "score",
    "decision",
    "reasons",
    "reviews",
)
"""`x_px` and `y_px` are the upper left corner, in pixels of the finest level."""


def table_lines(grid: SlideGrid, decided: DecidedCells, reviews: Sequence[CellReview]) -> Iterator[str]:
    """Lines of a table: the names, one line for each cell that was screened, then those that were left out."""
    verdicts: dict[tuple[int, int], list[str]] = {}
    for review in reviews:
        verdicts.setdefault((review.column, review.row), []).append(f"{review.reviewer}: {review.verdict}")
    cells = decided.as_columns()
    yield _line(COLUMNS)
    each = zip(cells.column, cells.row, cells.probability, cells.logit, cells.decision, decided.reasons, strict=True)
    for column, row, probability, logit, decision, bits in each:
        place = _place(column, row, grid)
        reviewed = "; ".join(verdicts.get((column, row), ()))
        yield _line([*place, probability, logit, str(decision), " ".join(reasons_of(int(bits))), _safe(reviewed)])
    for cause, places in cells.left_out.items():
        for column, row in places:
            yield _line([*_place(column, row, grid), "", "", f"left_out:{cause}", "", ""])


def _place(column: int, row: int, grid: SlideGrid) -> list[float]:
    return [column, row, round(column * grid.pitch_px, 2), round(row * grid.pitch_px, 2), round(grid.pitch_px, 2)]


def _line(values: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return buffer.getvalue()


def _safe(text: str) -> str:
    """A text that a spreadsheet takes for no formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
