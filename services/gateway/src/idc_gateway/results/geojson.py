"""Results of one slide as tiles that QuPath opens."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from idc_contracts import Decision
from idc_gateway.results.classifications import Classification

TALLY: Final = "idc_sentinel"
"""Last member of the collection, a foreign member by RFC 7946: the counts of results. QuPath ignores it."""
_CLASSES: Final = {
    Decision.IDC: {"name": "IDC", "color": [200, 0, 0]},
    Decision.NO_IDC: {"name": "no IDC", "color": [0, 90, 200]},
    Decision.UNCERTAIN: {"name": "uncertain", "color": [230, 160, 0]},
}
"""QuPath's classifications: a name and a colour as red, green, blue from 0 to 255."""

Rectangle = tuple[float, float, float, float]
"""Left, top, width, height, in pixels of the opened slide."""


@dataclass(frozen=True)
class Placement:
    """From stored coordinates to pixels of the opened slide."""

    scale: float = 1.0
    """Pixels of that slide per pixel of `x`, `y`, `w` and `h`."""
    downsample: float | None = None
    """Pixels of that slide per pixel of an image, where a patch's extent is unknown; None is the same as `scale`."""

    def of(self, result: Classification) -> Rectangle | None:
        origin = result.origin
        if origin.x is None or origin.y is None:
            return None
        downsample = self.scale if self.downsample is None else self.downsample
        width = origin.w * self.scale if origin.w is not None else result.width_px * downsample
        height = origin.h * self.scale if origin.h is not None else result.height_px * downsample
        return origin.x * self.scale, origin.y * self.scale, width, height


@dataclass
class Tally:
    tiles: int = 0
    without_place: int = 0
    superseded: int = 0
    """Results whose place has a newer one."""


def geojson_pieces(
    results: Iterable[Classification], placement: Placement, is_wanted: Callable[[Classification], bool]
) -> Iterator[str]:
    """A FeatureCollection (RFC 7946's form, in the slide's pixels) of tiles that QuPath 0.4 and later opens.

    Of each place it has the newest result, if that one is wanted. The last member, `TALLY`, has the counts; a file
    without it is truncated.

    Args:
        results: Of one slide, newest first.
        placement: Where they are in the opened slide.
        is_wanted: Whether the newest result of a place belongs in the file.
    """
    tally = Tally()
    yield '{"type":"FeatureCollection","features":['
    for result, rectangle in _newest(results, placement, tally):
        if not is_wanted(result):
            continue
        if rectangle is None:
            tally.without_place += 1
            continue
        yield ("," if tally.tiles else "") + json.dumps(_feature(result, rectangle), separators=(",", ":"))
        tally.tiles += 1
    yield f'],"{TALLY}":{json.dumps(asdict(tally), separators=(",", ":"))}}}'


def _newest(
    results: Iterable[Classification], placement: Placement, tally: Tally
) -> Iterator[tuple[Classification, Rectangle | None]]:
    taken: set[Rectangle] = set()
    for result in results:
        rectangle = placement.of(result)
        if rectangle is None or rectangle not in taken:
            yield result, rectangle
        else:
            tally.superseded += 1
        if rectangle is not None:
            taken.add(rectangle)


def _feature(result: Classification, rectangle: Rectangle) -> dict[str, Any]:
    left, top, width, height = rectangle
    right, bottom = left + width, top + height
    ring = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return {
        "type": "Feature",
        "id": str(result.id),
        "geometry": {"type": "Polygon", "coordinates": [[[round(x, 3), round(y, 3)] for x, y in ring]]},
        "properties": {
            "objectType": "tile",
            "name": result.name,
            "classification": _CLASSES[result.decision],
            "measurements": {"P(IDC)": result.probability},
            "metadata": {
                "model": f"{result.model.name} {result.model.version}",
                "reasons": " ".join(result.reasons),
                "field": result.field.value,
                "verdict": result.review.verdict.value if result.review else "",
                "notice": "for research use only; not a medical device",
            },
        },
    }
