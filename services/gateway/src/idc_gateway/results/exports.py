"""Results as a table for other programs: CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from idc_gateway.results.classifications import Classification

_COLUMNS: Final = {
    "id": "id",
    "created_at": "created_at",
    "name": "name",
    "patient": "origin.patient",
    "slide": "origin.slide",
    "x_px": "origin.x",
    "y_px": "origin.y",
    "probability": "probability",
    "decision": "decision",
    "model_name": "model.name",
    "model_version": "model.version",
    "model_sha256": "model.sha256",
    "no_idc_below": "thresholds.no_idc_below",
    "idc_from": "thresholds.idc_from",
    "verdict": "review.verdict",
    "reviewer": "review.reviewer",
    "reviewed_at": "review.reviewed_at",
    "comment": "review.comment",
    "w_px": "origin.w",
    "h_px": "origin.h",
    "reasons": "reasons",
    "field": "field",
    "um_per_px": "origin.um_per_px",
}
"""Each column's attribute of a `Classification`."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_lines(results: Iterable[Classification]) -> Iterator[str]:
    """A header and one line for each result (RFC 4180, UTF-8, P(IDC) unrounded)."""
    yield _csv_line(_COLUMNS)
    for result in results:
        yield _csv_line(_cell(result, path) for path in _COLUMNS.values())


def _cell(result: Classification, path: str) -> Any:
    value: Any = result
    for name in path.split("."):
        value = getattr(value, name, None)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(value)
    # A spreadsheet would run such text as a formula (OWASP, "CSV Injection").
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
