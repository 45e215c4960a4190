"""Results as files for other programs: CSV for tables, GeoJSON for QuPath."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from idc_contracts import Decision
from idc_gateway.classifications import Classification

_CLASSES: Final = {
    Decision.IDC: {"name": "IDC", "color": [200, 0, 0]},
    Decision.NO_IDC: {"name": "no IDC", "color": [0, 90, 200]},
    Decision.UNCERTAIN: {"name": "uncertain", "color": [230, 160, 0]},
}
"""QuPath's classifications: a name and a colour as red, green, blue from 0 to 255."""

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
)
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(results: Iterable[Classification]) -> Iterator[str]:
    """A header and one line for each result (RFC 4180, UTF-8, P(IDC) unrounded)."""
    yield _csv_line(CSV_COLUMNS)
    for result in results:
        yield _csv_line([_unspoiled(value) for value in _csv_values(result)])


def geojson_pieces(results: Iterable[Classification], *, scale: float) -> Iterator[str]:
    """A FeatureCollection (RFC 7946's form, in the slide's pixels) of tiles that QuPath 0.4 and later opens.

    A result without a place in its slide is left out.

    Args:
        results: Of one slide.
        scale: Pixels of the slide that is opened for one pixel of the patches' coordinates: 16 where those are of 2.5x
            and the slide was scanned at 40x.
    """
    yield '{"type":"FeatureCollection","features":['
    separator = ""
    for result in results:
        feature = _feature(result, scale)
        if feature is not None:
            yield separator + json.dumps(feature, separators=(",", ":"))
            separator = ","
    yield "]}"


def _feature(result: Classification, scale: float) -> dict[str, Any] | None:
    left, top = result.origin.x, result.origin.y
    if left is None or top is None:
        return None
    right, bottom = left + result.width_px, top + result.height_px
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return {
        "type": "Feature",
        "id": str(result.id),
        "geometry": {"type": "Polygon", "coordinates": [[[x * scale, y * scale] for x, y in corners]]},
        "properties": {
            "objectType": "tile",
            "name": result.name,
            "classification": _CLASSES[result.decision],
            "measurements": {"P(IDC)": result.probability},
            "metadata": {
                "model": f"{result.model.name} {result.model.version}",
                "verdict": result.review.verdict.value if result.review else "",
                "notice": "for research use only; not a medical device",
            },
        },
    }


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
    ]


def _unspoiled(value: Any) -> Any:
    # A spreadsheet would run text that begins so as a formula (OWASP, "CSV Injection").
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(["" if value is None else value for value in values])
    return line.getvalue()
