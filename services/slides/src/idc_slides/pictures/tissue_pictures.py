"""DeepZoom tiles and cells of a slide, from its file; tiles are kept for a while."""

import io
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final
from uuid import UUID

from PIL import Image

from idc_slides.errors import NotFound, SlideFailed, WrongState
from idc_slides.intake.slide_files import SlideFiles
from idc_slides.pictures.open_slides import OpenSlides
from idc_slides.reading import SlideFile, SlideUnreadable
from idc_slides.records.slides import StoredSlide
from idc_slides.records.slides_store import SlidesStore

TileKey = tuple[UUID, int, int, int]
"""Slide, level, column, row."""
MAX_AROUND: Final = 4


class TissuePictures:
    """Every use blocks. A file that changed shows nothing: it would not be what was screened."""

    def __init__(self, slides: SlidesStore, files: SlideFiles, opened: OpenSlides, *, cache_bytes: int) -> None:
        self._slides, self._files, self._opened = slides, files, opened
        self._kept: OrderedDict[TileKey, bytes] = OrderedDict()
        self._kept_bytes, self._most_bytes = 0, cache_bytes
        self._lock = Lock()

    def tag(self, slide_id: UUID) -> str:
        """By what a picture is known to be unchanged: the file's state and the stated scale.

        Raises:
            NotFound: There is no such slide.
        """
        stored = self._slides.get(slide_id)
        return f'"{stored.file.size_bytes:x}-{stored.file.modified_ns:x}-{stored.stated_um_per_px or 0:g}"'

    def dzi(self, slide_id: UUID) -> str:
        """The DeepZoom description. Raises as `tile` does."""
        with self._open(slide_id) as (_, file):
            return file.dzi()

    def tile(self, slide_id: UUID, level: int, column: int, row: int) -> bytes:
        """A DeepZoom tile as JPEG.

        Raises:
            NotFound: There is no such slide or tile, or its file is gone.
            WrongState: The file cannot be read.
            Busy: Too many slides are being looked at.
        """
        key = (slide_id, level, column, row)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        with self._open(slide_id) as (_, file):
            try:
                tile = file.tile(level, column, row)
            except LookupError as exc:
                raise NotFound(f"the slide has no tile {column}, {row} of level {level}: {exc}") from exc
        self._keep(key, tile)
        return tile

    def cell(self, slide_id: UUID, column: int, row: int, around: int) -> bytes:
        """A cell with some around it at 4.0 um/px, as PNG.

        Raises:
            NotFound: There is no such slide or cell, or its file is gone.
            WrongState: The scale of the slide is not known, or the file cannot be read.
            Busy: Too many slides are being looked at.
        """
        with self._open(slide_id) as (stored, file):
            scale = file.scale(stored.stated_um_per_px)
            if column >= scale.grid.columns or row >= scale.grid.rows:
                raise NotFound(f"the slide has {scale.grid.columns} x {scale.grid.rows} cells, none at {column}, {row}")
            pixels = file.region(scale, column, row, around)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def forget(self, slide_id: UUID) -> None:
        """Drop what is kept of a slide that was deleted."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == slide_id]:
                self._kept_bytes -= len(self._kept.pop(key))
        self._opened.forget(slide_id)

    @contextmanager
    def _open(self, slide_id: UUID) -> Iterator[tuple[StoredSlide, SlideFile]]:
        stored = self._slides.get(slide_id)
        try:
            path = self._files.path_of(stored)
            self._files.require_unchanged(stored, path)
            with self._opened.use(slide_id, path) as file:
                yield stored, file
        except SlideFailed as exc:
            raise NotFound(exc.detail) from exc
        except SlideUnreadable as exc:
            raise WrongState(exc.detail) from exc

    def _keep(self, key: TileKey, tile: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = tile
                self._kept_bytes += len(tile)
            while self._kept_bytes > self._most_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= len(dropped)
