"""A slide's map as annotations that QuPath opens: GeoJSON's form, in pixels of the finest level."""

import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from idc_contracts import Decision
from idc_contracts.slides import Slide, SlideGrid
from idc_slides.exports.outlines import Corner, outlines
from idc_slides.findings.conclusion import CELL_MM2
from idc_slides.findings.decided import DecidedCells

NOTICE: Final = "for research use only; not a medical device"
IDC: Final = {"name": "IDC", "color": [200, 0, 0]}
UNCERTAIN: Final = {"name": "uncertain", "color": [230, 160, 0]}
LEFT_OUT: Final = {"name": "left out", "color": [128, 128, 128]}
HOT_SPOT: Final = {"name": "IDC hot spot", "color": [255, 0, 255]}
"""QuPath's classifications: a name and a colour as red, green, blue from 0 to 255."""
MAX_HOT_SPOTS: Final = 20
HOT_SPOT_WINDOW: Final = 5
"""A hot spot has the highest P(IDC) of so many cells across."""
_GLASS: Final = "glass"


def geojson_pieces(slide: Slide, grid: SlideGrid, decided: DecidedCells) -> Iterator[str]:
    """A FeatureCollection of regions and hot spots, feature by feature.

    Args:
        slide: The record.
        grid: Its grid.
        decided: Its cells.
    """
    about = {"model": f"{slide.model.name} {slide.model.version}" if slide.model else "", "notice": NOTICE}
    yield '{"type":"FeatureCollection","features":['
    for number, feature in enumerate(_features(grid, decided, about)):
        yield ("," if number else "") + json.dumps(feature, separators=(",", ":"))
    yield "]}"


def hot_spots(decided: DecidedCells) -> list[tuple[int, int]]:
    """Rows and columns of the cells of IDC whose own P(IDC) is the highest around, the highest first."""
    logits = np.where(decided.grid.scored & (decided.grid.reasons == 0), decided.grid.logits, -np.inf)
    is_peak = (logits == ndimage.maximum_filter(logits, HOT_SPOT_WINDOW)) & decided.map_of(Decision.IDC)
    places = np.argwhere(is_peak)
    order = np.argsort(-logits[is_peak], kind="stable")[:MAX_HOT_SPOTS]
    return [(row, column) for row, column in places[order].tolist()]


def _features(grid: SlideGrid, decided: DecidedCells, about: dict[str, str]) -> Iterator[dict[str, Any]]:
    for decision, classification in ((Decision.IDC, IDC), (Decision.UNCERTAIN, UNCERTAIN)):
        yield from _regions(decided.map_of(decision), classification, grid, about)
    for cause, places in decided.grid.left_out().items():
        if cause != _GLASS:  # it is what surrounds the tissue, and no finding
            cells = np.zeros(decided.grid.logits.shape, np.bool_)
            cells[places[:, 0], places[:, 1]] = True
            yield from _regions(cells, LEFT_OUT, grid, {**about, "cause": cause})
    for number, (row, column) in enumerate(hot_spots(decided), 1):
        ring = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]
        square = [(x + column, y + row) for x, y in ring]
        measured = {"P(IDC)": _probability(decided, row, column)}
        yield _feature([square], HOT_SPOT, grid, f"hot spot {number}", measured, about)


def _regions(
    cells: NDArray[np.bool_], classification: dict[str, Any], grid: SlideGrid, about: dict[str, str]
) -> Iterator[dict[str, Any]]:
    for outline in outlines(cells):
        measured = {"cells": float(outline.cells), "area mm2": round(outline.cells * CELL_MM2, 4)}
        yield _feature([outline.outer, *outline.holes], classification, grid, "", measured, about)


def _feature(
    rings: list[list[Corner]],
    classification: dict[str, Any],
    grid: SlideGrid,
    name: str,
    measurements: dict[str, float],
    about: dict[str, str],
) -> dict[str, Any]:
    pitch = grid.pitch_px
    coordinates = [[[round(x * pitch, 2), round(y * pitch, 2)] for x, y in ring] for ring in rings]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": coordinates},
        "properties": {
            "objectType": "annotation",
            "name": name or classification["name"],
            "classification": classification,
            "isLocked": True,
            "measurements": measurements,
            "metadata": about,
        },
    }


def _probability(decided: DecidedCells, row: int, column: int) -> float:
    return round(1 / (1 + float(np.exp(-decided.grid.logits[row, column]))), 5)
