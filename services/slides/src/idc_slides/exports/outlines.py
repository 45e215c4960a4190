"""Outlines of cells that touch: closed rings on the corners of the grid, with holes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Corner = tuple[int, int]
"""Column and row of a corner of cells; the upper left one is (0, 0)."""
Edge = tuple[Corner, Corner]
"""Where it begins, and its direction."""
_LEFT_OF: Final = {(1, 0): (0, -1), (0, -1): (-1, 0), (-1, 0): (0, 1), (0, 1): (1, 0)}
"""The direction after a turn to the left, rows counted downwards."""


@dataclass(frozen=True)
class Outline:
    """The outline of one region. Rings are closed: the first corner is the last one again."""

    outer: list[Corner]
    holes: list[list[Corner]]
    cells: int
    """How many cells the region has."""


def outlines(cells: NDArray[np.bool_]) -> list[Outline]:
    """The regions of a map [rows, columns]; cells belong together where they share a side."""
    labels, _ = ndimage.label(cells)
    found = []
    for label, window in enumerate(ndimage.find_objects(labels), 1):
        region = labels[window] == label
        rings = _rings(region, window[1].start, window[0].start)
        rings.sort(key=lambda ring: abs(area(ring)), reverse=True)
        found.append(Outline(rings[0], rings[1:], int(region.sum())))
    return found


def _rings(region: NDArray[np.bool_], left: int, top: int) -> list[list[Corner]]:
    """All rings around a region, which is on the right of each edge."""
    leaving = _edges(np.pad(region, 1))
    unused = {(corner, direction) for corner, directions in leaving.items() for direction in directions}
    rings = []
    while unused:
        first = edge = min(unused)
        ring: list[Corner] = []
        while not ring or edge != first:
            unused.remove(edge)
            ring.append(edge[0])
            edge = _next(edge, leaving)
        rings.append([(x + left, y + top) for x, y in _straightened(ring)])
    return rings


def _next(edge: Edge, leaving: dict[Corner, list[Corner]]) -> Edge:
    """The edge after an edge. Where two cells meet at a corner only, it turns left, so that no ring touches itself."""
    (x, y), direction = edge
    corner = (x + direction[0], y + direction[1])
    directions = leaving[corner]
    return corner, directions[0] if len(directions) == 1 else _LEFT_OF[direction]


def _edges(padded: NDArray[np.bool_]) -> dict[Corner, list[Corner]]:
    """The directions in which edges leave each corner."""
    edges: dict[Corner, list[Corner]] = {}

    def add(places: NDArray[np.intp], shift: Corner, direction: Corner) -> None:
        for row, column in places.tolist():
            edges.setdefault((column + shift[0], row + shift[1]), []).append(direction)

    inner = padded[1:-1, 1:-1]
    add(np.argwhere(inner & ~padded[:-2, 1:-1]), (0, 0), (1, 0))
    add(np.argwhere(inner & ~padded[1:-1, 2:]), (1, 0), (0, 1))
    add(np.argwhere(inner & ~padded[2:, 1:-1]), (1, 1), (-1, 0))
    add(np.argwhere(inner & ~padded[1:-1, :-2]), (0, 1), (0, -1))
    return edges


def _straightened(ring: list[Corner]) -> list[Corner]:
    """The ring's corners alone, without points on straight lines, closed."""
    kept = [
        corner
        for before, corner, after in zip([ring[-1], *ring[:-1]], ring, [*ring[1:], ring[0]], strict=True)
        if (corner[0] - before[0]) * (after[1] - corner[1]) != (corner[1] - before[1]) * (after[0] - corner[0])
    ]
    return [*kept, kept[0]]


def area(ring: list[Corner]) -> float:
    """The area of a closed ring in cells, by the shoelace formula; positive where it runs clockwise on the screen."""
    return sum(x * y2 - x2 * y for (x, y), (x2, y2) in pairwise(ring)) / 2
