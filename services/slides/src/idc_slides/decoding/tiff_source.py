"""RGB TIFF that OpenSlide refuses, and OME-TIFF, by tifffile."""

import math
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from idc_slides.decoding.source import CannotRead
from idc_slides.decoding.whole_downsample import whole_downsample

MAX_SEGMENT_BYTES: Final = 64 * 2**20
CACHE_BYTES: Final = 64 * 2**20
UM: Final = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}

Pixels = NDArray[np.uint8]


class TiffSource:
    """A slide by tifffile: 8-bit RGB with tiles or strips, and its coarser levels."""

    def __init__(self, path: Path) -> None:
        """Open the slide.

        Raises:
            CannotRead: It is damaged, or no 8-bit RGB image.
        """
        try:
            self._tiff = tifffile.TiffFile(path)
        except tifffile.TiffFileError as exc:
            raise CannotRead("unreadable-slide", str(exc)) from exc
        self._pages = [_rgb_page(level.pages[0]) for level in _largest_series(self._tiff).levels]
        self._segments: OrderedDict[tuple[int, int], Pixels] = OrderedDict()

    def facts(self) -> dict[str, Any]:
        sizes = [(page.imagewidth, page.imagelength) for page in self._pages]
        return {
            "format": "ome-tiff" if self._tiff.is_ome else "generic-tiff",
            "width_px": sizes[0][0],
            "height_px": sizes[0][1],
            "um_per_px_xy": self._um_per_px(),
            "objective_power": None,
            "levels": [
                {"width_px": size[0], "height_px": size[1], "downsample": whole_downsample(sizes[0], size)}
                for size in sizes
            ],
            "warnings": [],
        }

    def read(self, level: int, left_px: int, top_px: int, size_px: tuple[int, int]) -> tuple[Pixels, float, float]:
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
        return pixels, left_px, top_px

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
            while len(self._segments) > 1 and sum(each.nbytes for each in self._segments.values()) > CACHE_BYTES:
                self._segments.popitem(last=False)
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
        handle = self._tiff.filehandle
        handle.seek(page.dataoffsets[index])
        segment, _, shape = page.decode(handle.read(length) if length else None, index, jpegtables=page.jpegtables)
        if segment is None:  # the writer left out an empty tile
            return np.full((*shape[1:3], shape[3]), 255, np.uint8)
        return np.asarray(segment[0], np.uint8)

    def _um_per_px(self) -> list[float | None]:
        with suppress(KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, IndexError):
            if self._tiff.is_ome:
                return _ome_um_per_px(self._tiff.ome_metadata or "")
            return [1 / resolution for resolution in self._pages[0].get_resolution("micrometer")]
        return [None, None]


def _largest_series(tiff: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """The slide; label and macro images are smaller."""
    series = [each for each in tiff.series if each.pages and each.pages[0] is not None]
    if not series:
        raise CannotRead("unreadable-slide", "it holds no image")
    return max(series, key=lambda each: each.keyframe.imagewidth * each.keyframe.imagelength)


def _rgb_page(page: tifffile.TiffPage | tifffile.TiffFrame | None) -> tifffile.TiffPage:
    if page is None:
        raise CannotRead("unreadable-slide", "one of its levels is missing")
    page = page.aspage()
    if page.dtype != np.uint8 or page.samplesperpixel not in (3, 4) or page.photometric not in (2, 6):
        kind = f"{page.samplesperpixel} channel(s) of {page.dtype}"
        raise CannotRead("not-brightfield", f"its pixels are {kind}; send a bright-field (H&E) slide as 8-bit RGB")
    if page.photometric == 6 and page.compression != 7:
        raise CannotRead("unsupported-format", "its pixels are YCbCr without JPEG")
    if page.imagedepth != 1 or math.prod(page.chunks) > MAX_SEGMENT_BYTES:
        raise CannotRead("slide-too-costly", f"it is stored in parts of {page.chunks} values")
    return page


def _ome_um_per_px(xml: str) -> list[float | None]:
    image = tifffile.xml2dict(xml)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list | tuple) else image)["Pixels"]
    return [float(pixels[f"PhysicalSize{axis}"]) * UM[pixels.get(f"PhysicalSize{axis}Unit", "µm")] for axis in "XY"]
