"""Results as a table for other programs: CSV."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from idc_gateway.results.classifications import Classification

CSV_COLUMNS: Final = (
    "id",
    "created_at",
    "name",
    "patient",
    "slide",
    "x_px",
    "y_px",
    "probability",
    "decision",
    "model_name",
    "model_version",
    "model_sha256",
    "no_idc_below",
    "idc_from",
    "verdict",
    "reviewer",
    "reviewed_at",
    "comment",
    "w_px",
    "h_px",
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_lines(results: Iterable[Classification]) -> Iterator[str]:
    """A header and one line for each result (RFC 4180, UTF-8, P(IDC) unrounded)."""
    yield _csv_line(CSV_COLUMNS)
    for result in results:
        yield _csv_line([_without_formula(value) for value in _csv_values(result)])


def _csv_values(result: Classification) -> list[Any]:
    review = result.review
    return [
        result.id,
        result.created_at.isoformat(),
        result.name,
        result.origin.patient,
        result.origin.slide,
        result.origin.x,
        result.origin.y,
        result.probability,
        result.decision.value,
        result.model.name,
        result.model.version,
        result.model.sha256,
        result.thresholds.no_idc_below,
        result.thresholds.idc_from,
        review.verdict.value if review else None,
        review.reviewer if review else None,
        review.reviewed_at.isoformat() if review else None,
        review.comment if review else None,
        result.origin.w,
        result.origin.h,
    ]


def _without_formula(value: Any) -> Any:
    # A spreadsheet would run such text as a formula (OWASP, "CSV Injection").
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(["" if value is None else value for value in values])
    return line.getvalue()
