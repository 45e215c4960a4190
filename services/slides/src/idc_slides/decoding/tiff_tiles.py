"""Tiles and strips of RGB TIFF, decoded by tifffile: four times as fast as OpenSlide decodes JPEG."""

import math
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from idc_slides.decoding.source import CannotRead

MAX_SEGMENT_BYTES: Final = 64 * 2**20
CACHE_BYTES: Final = 96 * 2**20
"""Holds the tiles under one row of cells of a slide of 120,000 px: the next row needs the last of them again."""
MOST_PAGES: Final = 64
"""Among so many of a file's images the levels are looked for."""
JPEG: Final = 7
RGB: Final = 2
YCBCR: Final = 6

Pixels = NDArray[np.uint8]


class TiffTiles:
    """The levels of one open file; decoded parts are kept for a while."""

    def __init__(self, tiff: tifffile.TiffFile, pages: list[tifffile.TiffPage]) -> None:
        """Use 8-bit RGB pages of a file, the finest first."""
        self._tiff, self._pages = tiff, pages
        self._segments: OrderedDict[tuple[int, int], Pixels] = OrderedDict()
        self._held_bytes = 0

    def read(self, level: int, left_px: int, top_px: int, size_px: tuple[int, int]) -> Pixels:
        """A part of a level, shape (height, width, 3), white beyond its edge. Raises CannotRead."""
        page = self._pages[level]
        height, width = page.chunks[:2] if page.planarconfig == 1 else page.chunks[-2:]
        across = math.ceil(page.imagewidth / width)
        pixels = np.full((size_px[1], size_px[0], 3), 255, np.uint8)
        right, bottom = (
            min(a, b) for a, b in ((left_px + size_px[0], page.imagewidth), (top_px + size_px[1], page.imagelength))
        )
        for row in range(top_px // height, math.ceil(bottom / height)):
            for column in range(left_px // width, math.ceil(right / width)):
                segment = self._segment(level, row * across + column)
                x, y = column * width, row * height
                x0, x1 = max(x, left_px), min(x + segment.shape[1], right)
                y0, y1 = max(y, top_px), min(y + segment.shape[0], bottom)
                pixels[y0 - top_px : y1 - top_px, x0 - left_px : x1 - left_px] = segment[
                    y0 - y : y1 - y, x0 - x : x1 - x
                ]
        return pixels

    def close(self) -> None:
        self._tiff.close()

    def _segment(self, level: int, index: int) -> Pixels:
        """A decoded tile or strip, shape (height, width, 3)."""
        key = (level, index)
        if key not in self._segments:
            try:
                self._segments[key] = self._decoded(level, index)
            except (
                OSError,
                ValueError,
                RuntimeError,
                IndexError,
                TypeError,
            ) as exc:  # imagecodecs' errors are RuntimeErrors
                raise CannotRead("unreadable-slide", f"{type(exc).__name__}: {exc}") from exc
            self._held_bytes += self._segments[key].nbytes
            while len(self._segments) > 1 and self._held_bytes > CACHE_BYTES:
                self._held_bytes -= self._segments.popitem(last=False)[1].nbytes
        self._segments.move_to_end(key)
        return self._segments[key]

    def _decoded(self, level: int, index: int) -> Pixels:
        page = self._pages[level]
        if page.planarconfig == 1:
            return self._samples(page, index)[..., :3]
        count = len(page.dataoffsets) // page.samplesperpixel
        return np.concatenate([self._samples(page, sample * count + index) for sample in range(3)], axis=-1)

    def _samples(self, page: tifffile.TiffPage, index: int) -> Pixels:
        length = page.databytecounts[index]
        if not 0 <= length <= MAX_SEGMENT_BYTES:
            raise ValueError(f"a part of {length} bytes")
        decode, tables = page.decode, page.jpegtables  # both read the file where they are asked for the first time
        handle = self._tiff.filehandle
        handle.seek(page.dataoffsets[index])
        segment, _, shape = decode(handle.read(length) if length else None, index, jpegtables=tables)
        if segment is None:  # the writer left out an empty tile
            return np.full((*shape[1:3], shape[3]), 255, np.uint8)
        return np.asarray(segment[0], np.uint8)


def tiles_of(path: Path, sizes: list[tuple[int, int]]) -> TiffTiles | None:
    """The levels of these widths and heights, where all of them are tiles of JPEG; None otherwise."""
    # Whatever is strange about the file: OpenSlide has opened it, and goes on.
    with suppress(Exception):
        tiff = tifffile.TiffFile(path)
        with suppress(Exception):
            pages = _pages_of(tiff, sizes)
            if len(pages) == len(set(sizes)):
                return TiffTiles(tiff, [pages[size] for size in sizes])
        tiff.close()
    return None


def _pages_of(tiff: tifffile.TiffFile, sizes: list[tuple[int, int]]) -> dict[tuple[int, int], tifffile.TiffPage]:
    """The first page of each size."""
    found: dict[tuple[int, int], tifffile.TiffPage] = {}
    for number in range(min(len(tiff.pages), MOST_PAGES)):
        page = tiff.pages[number].aspage()
        size = (page.imagewidth, page.imagelength)
        if size in sizes and _is_plain_jpeg(page):
            found.setdefault(size, page)
    return found


def _is_plain_jpeg(page: tifffile.TiffPage) -> bool:
    return bool(
        page.is_tiled
        and page.compression == JPEG
        and page.photometric in (RGB, YCBCR)
        and page.dtype == np.uint8
        and (page.samplesperpixel, page.planarconfig, page.imagedepth) == (3, 1, 1)
        and math.prod(page.chunks) <= MAX_SEGMENT_BYTES
    )
