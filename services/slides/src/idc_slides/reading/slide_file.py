"""A slide, read at any scale."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from idc_slides.deepzoom import DeepZoom, jpeg, part_of
from idc_slides.facts import SlideFacts
from idc_slides.reading.limits import Limits
from idc_slides.reading.slide_path import slide_path
from idc_slides.reading.slide_reader import SlideReader
from idc_slides.reading.spare_worker import SpareWorker
from idc_slides.reading.whole_slide import Overview, read_whole
from idc_slides.scale import ChosenScale, choose_scale
from idc_slides.scale.choosing import CELL_PX, level_for
from idc_slides.unreadable import SlideUnreadable

OVERVIEW_UM_PER_PX: Final = 16.0
OVERVIEW_DOWNSAMPLE: Final = 32.0
MOST_OVERVIEW_PX: Final = 16 * 2**20
"""Of the overview for tiles, which is kept: of a larger slide it is coarser."""
MOST_TILE_FACTOR: Final = 16.0
"""A tile that would need more pixels of the nearest level, in a file without a pyramid, is cut from an overview."""


@dataclass(frozen=True)
class Band:
    """A row of cells."""

    row: int
    cells: NDArray[np.uint8]
    """RGB at 4.0 um per pixel, uint8, shape (columns, 50, 50, 3); white where it was not read."""
    readable: NDArray[np.bool_]
    """Shape (columns,): False where the file could not be read."""


class SlideFile:
    """An open slide with a worker process of its own; several threads may use it, one at a time reads.

    The worker is started again where it died, until `Limits.worker_deaths` is reached.
    """

    def __init__(self, reader: SlideReader) -> None:
        self._reader = reader
        self.described: SlideFacts = reader.described
        """The facts before the levels were checked; their sizes and scales are right."""
        self._deepzoom = DeepZoom(self.described.width_px, self.described.height_px)
        self._for_tiles: NDArray[np.uint8] | None = None
        self._tiles_downsample = max(
            OVERVIEW_DOWNSAMPLE, math.sqrt(self.described.width_px * self.described.height_px / MOST_OVERVIEW_PX)
        )

    @classmethod
    def open(
        cls,
        path: Path,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        folder: Path | None = None,
        spare: SpareWorker | None = None,
    ) -> Self:
        """Open a slide.

        Args:
            path: The file; for DICOM the folder.
            limits: What it may cost.
            folder: The file, with symbolic links followed, must lie in it.
            spare: Has a worker with these limits that was started ahead.

        Raises:
            SlideUnreadable: With the reason's code and detail.
        """
        return cls(SlideReader(slide_path(path, folder), limits, spare))

    def scale(self, stated_um_per_px: float | None = None) -> ChosenScale:
        """How cells are read. How faithful the levels are is measured once.

        Args:
            stated_um_per_px: What a person says of the finest level; it goes before the file's.

        Raises:
            NeedsScale: As `choose_scale`.
            SlideUnreadable: As `choose_scale`; or the file ends the worker that measures.
        """
        unchecked = choose_scale(self.described, stated_um_per_px)
        return choose_scale(self._reader.checked(unchecked.record.um_per_px), stated_um_per_px)

    def bands(self, scale: ChosenScale, first_row: int = 0, wanted: NDArray[np.bool_] | None = None) -> Iterator[Band]:
        """Read the cells, row by row.

        Args:
            scale: Of `scale`.
            first_row: Where to begin.
            wanted: Shape (rows, columns); other cells are not decoded and come white. All where it is None.

        Raises:
            SlideUnreadable: The file vanished, or the worker dies too often.
        """
        columns = scale.grid.columns
        for row in range(first_row, scale.grid.rows):
            cells = np.full((columns, CELL_PX, CELL_PX, 3), 255, np.uint8)
            readable = np.ones(columns, np.bool_)
            for start, stop in runs(np.ones(columns, np.bool_) if wanted is None else wanted[row]):
                self._read_cells(scale, row, slice(start, stop), cells, readable)
            yield Band(row, cells, readable)

    def region(self, scale: ChosenScale, column: int, row: int, around: int = 0) -> NDArray[np.uint8]:
        """A cell with `around` cells on each side, RGB at 4.0 um per pixel, uint8, shape (S, S, 3).

        S is 50 (1 + 2 around). What lies beyond the slide is white.

        Raises:
            SlideUnreadable: Nothing of it can be read.
        """
        side = 1 + 2 * around
        pixels = np.full((side * CELL_PX, side * CELL_PX, 3), 255, np.uint8)
        left, right = max(0, column - around), min(scale.grid.columns, column + around + 1)
        top, bottom = max(0, row - around), min(scale.grid.rows, row + around + 1)
        size_px = ((right - left) * CELL_PX, (bottom - top) * CELL_PX)
        read, unreadable = self._reader.read(
            scale.record.level, left * CELL_PX, top * CELL_PX, scale.record.factor, size_px, CELL_PX
        )
        if len(unreadable) == (right - left) * (bottom - top):
            raise SlideUnreadable(
                "unreadable-slide", f"the file cannot be read at patch {column}, {row}: copy it again"
            )
        x, y = (left - column + around) * CELL_PX, (top - row + around) * CELL_PX
        pixels[y : y + size_px[1], x : x + size_px[0]] = read
        return pixels

    def overview(self, um_per_px: float = OVERVIEW_UM_PER_PX, scale: ChosenScale | None = None) -> Overview:
        """The whole slide.

        Args:
            um_per_px: Of the result.
            scale: Needed where a person stated the scale.

        Raises:
            SlideUnreadable: No part of it can be read.
        """
        finest_um_per_px = scale.record.um_per_px if scale else self.described.um_per_px
        if finest_um_per_px is None:
            raise ValueError("the slide does not tell its scale: an overview needs the chosen one")
        return read_whole(self._reader, um_per_px / finest_um_per_px)

    def dzi(self) -> str:
        """The DeepZoom description, XML."""
        return self._deepzoom.dzi()

    def tile(self, level: int, column: int, row: int) -> bytes:
        """A DeepZoom tile as JPEG.

        Raises:
            LookupError: There is no such tile.
            SlideUnreadable: It cannot be read.
        """
        tile = self._deepzoom.tile(level, column, row)
        index, downsample = level_for(self.described, 1.0, tile.downsample)
        if tile.downsample / downsample > MOST_TILE_FACTOR:
            return jpeg(part_of(self._overview_for_tiles(), self._tiles_downsample, tile))
        factor = tile.downsample / downsample
        size_px = (tile.width_px, tile.height_px)
        pixels, _ = self._reader.read(index, tile.left_px, tile.top_px, factor, size_px, CELL_PX)
        return jpeg(pixels)

    @property
    def worker_pid(self) -> int:
        """The worker's process id; 0 where none runs."""
        return self._reader.worker_pid

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _overview_for_tiles(self) -> NDArray[np.uint8]:
        if self._for_tiles is None:
            self._for_tiles = read_whole(self._reader, self._tiles_downsample).pixels
        return self._for_tiles

    def _read_cells(
        self, scale: ChosenScale, row: int, columns: slice, cells: NDArray[np.uint8], readable: NDArray[np.bool_]
    ) -> None:
        count = columns.stop - columns.start
        read, unreadable = self._reader.read(
            scale.record.level,
            columns.start * CELL_PX,
            row * CELL_PX,
            scale.record.factor,
            (count * CELL_PX, CELL_PX),
            CELL_PX,
        )
        cells[columns] = read.reshape(CELL_PX, count, CELL_PX, 3).swapaxes(0, 1)
        for column, _ in unreadable:
            readable[columns.start + column] = False


def runs(wanted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where True values begin and end, of a row of shape (N,)."""
    edges = np.flatnonzero(np.diff(wanted, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
