"""RGB TIFF that OpenSlide refuses, and OME-TIFF, by tifffile."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from idc_slides.decoding.source import CannotRead
from idc_slides.decoding.tiff_tiles import JPEG, MAX_SEGMENT_BYTES, RGB, YCBCR, TiffTiles
from idc_slides.decoding.whole_downsample import whole_downsample

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
        self._tiles = TiffTiles(self._tiff, self._pages)

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
        return self._tiles.read(level, left_px, top_px, size_px), left_px, top_px

    def close(self) -> None:
        self._tiff.close()

    def _um_per_px(self) -> list[float | None]:
        with suppress(KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, IndexError):
            if self._tiff.is_ome:
                return _ome_um_per_px(self._tiff.ome_metadata or "", self._pages[0])
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
    if page.dtype != np.uint8 or page.samplesperpixel not in (3, 4) or page.photometric not in (RGB, YCBCR):
        kind = f"{page.samplesperpixel} channel(s) of {page.dtype}"
        raise CannotRead("not-brightfield", f"its pixels are {kind}; send a bright-field (H&E) slide as 8-bit RGB")
    if page.photometric == YCBCR and page.compression != JPEG:
        raise CannotRead("unsupported-format", "its pixels are YCbCr without JPEG")
    if page.imagedepth != 1 or math.prod(page.chunks) > MAX_SEGMENT_BYTES:
        raise CannotRead("slide-too-costly", f"it is stored in parts of {page.chunks} values")
    return page


def _ome_um_per_px(xml: str, page: tifffile.TiffPage) -> list[float | None]:
    """What the images of this page's size say; nothing where they differ. A macro image has a scale of its own."""
    images = tifffile.xml2dict(xml)["OME"]["Image"]
    all_pixels = [image["Pixels"] for image in (images if isinstance(images, list | tuple) else [images])]
    size_px = (page.imagewidth, page.imagelength)
    scales = {_scale_of(pixels) for pixels in all_pixels if (pixels["SizeX"], pixels["SizeY"]) == size_px}
    return [*scales.pop()] if len(scales) == 1 else [None, None]


def _scale_of(pixels: dict[str, Any]) -> tuple[float, float]:
    x, y = (float(pixels[f"PhysicalSize{axis}"]) * UM[pixels.get(f"PhysicalSize{axis}Unit", "µm")] for axis in "XY")
    return x, y
