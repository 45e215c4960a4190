"""Slides that OpenSlide reads."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image

from idc_slides.decoding.dicom_colours import has_ycbcr_frames_tagged_rgb
from idc_slides.decoding.source import CannotRead
from idc_slides.decoding.tiff_tiles import TiffTiles, tiles_of
from idc_slides.decoding.whole_downsample import whole_downsample

TILE_CACHE_BYTES: Final = 80 * 2**20
"""Holds the tiles under one row of cells of a slide of 80,000 px: the next row needs the last of them again."""
WHITE: Final = (255, 255, 255)
PLAIN_TIFF: Final = ("generic-tiff", "aperio")
"""Vendors whose levels are plain TIFF images, each of tiles that OpenSlide shows as they are."""
SAMPLE_PX: Final = 256
SAME_GREY: Final = 2.0

CORRECTED: Final = "The file calls its pixels RGB, but they are YCbCr. They were converted: check the colours."


class OpenSlideSource:
    """A slide by OpenSlide; opened again after an error, since its handle stays broken."""

    def __init__(self, path: Path, warnings: tuple[str, ...] = ()) -> None:
        """Open the slide; `warnings` are told with its facts.

        Raises:
            CannotRead: OpenSlide knows the format, but cannot open the file.
            openslide.OpenSlideUnsupportedFormatError: It does not know the format.
        """
        self._path, self._warnings = path, warnings
        self._slide = self._open()
        vendor = self._slide.properties.get("openslide.vendor")
        self._is_ycbcr = vendor == "dicom" and has_ycbcr_frames_tagged_rgb(path, self._slide.properties)
        self._tiles = self._quick_tiles() if vendor in PLAIN_TIFF and not self.is_ome else None

    @property
    def is_ome(self) -> bool:
        """Whether it is an OME-TIFF: OpenSlide takes that for a plain TIFF, and misses its scale and its levels."""
        properties = self._slide.properties
        return properties.get("openslide.vendor") == "generic-tiff" and "<OME" in properties.get(
            "tiff.ImageDescription", ""
        )

    def facts(self) -> dict[str, Any]:
        properties = self._slide.properties
        width_px, height_px = self._slide.dimensions
        return {
            "format": properties.get("openslide.vendor", "unknown"),
            "width_px": width_px,
            "height_px": height_px,
            "um_per_px_xy": [_number(properties.get(f"openslide.mpp-{axis}")) for axis in "xy"],
            "objective_power": _number(properties.get("openslide.objective-power")),
            "levels": [
                {
                    "width_px": width,
                    "height_px": height,
                    "downsample": whole_downsample((width_px, height_px), (width, height)),
                }
                for width, height in self._slide.level_dimensions
            ],
            "warnings": [*([CORRECTED] if self._is_ycbcr else []), *self._warnings],
        }

    def read(
        self, level: int, left_px: int, top_px: int, size_px: tuple[int, int]
    ) -> tuple[NDArray[np.uint8], float, float]:
        if self._tiles is not None:
            return self._tiles.read(level, left_px, top_px, size_px), left_px, top_px
        # OpenSlide places a region in whole pixels of level 0 and divides by its own, unrounded, downsample.
        downsample = self._slide.level_downsamples[level]
        location = (round(left_px * downsample), round(top_px * downsample))
        try:
            image = self._slide.read_region(location, level, size_px)
        except openslide.OpenSlideError as exc:
            self._reopen()
            raise CannotRead("unreadable-slide", str(exc)) from exc
        return self._rgb(image), location[0] / downsample, location[1] / downsample

    def close(self) -> None:
        self._slide.close()
        if self._tiles is not None:
            self._tiles.close()

    def _quick_tiles(self) -> TiffTiles | None:
        """The tiles by tifffile, where it sees what OpenSlide sees."""
        tiles = tiles_of(self._path, list(self._slide.level_dimensions))
        if tiles is None or self._agrees(tiles):
            return tiles
        tiles.close()
        return None

    def _agrees(self, tiles: TiffTiles) -> bool:
        """Whether both decode the middle of the coarsest level to the same colours."""
        level = self._slide.level_count - 1
        width, height = self._slide.level_dimensions[level]
        place = (max(width // 2 - SAMPLE_PX // 2, 0), max(height // 2 - SAMPLE_PX // 2, 0))
        size = (min(SAMPLE_PX, width - place[0]), min(SAMPLE_PX, height - place[1]))
        downsample = self._slide.level_downsamples[level]
        try:
            image = self._slide.read_region((round(place[0] * downsample), round(place[1] * downsample)), level, size)
            pixels = tiles.read(level, *place, size)
        except (openslide.OpenSlideError, CannotRead):
            self._reopen()
            return True  # a bad spot is bad for both
        return float(np.abs(self._rgb(image).astype(np.int16) - pixels).mean()) < SAME_GREY

    def _reopen(self) -> None:
        broken, self._slide = self._slide, self._open()
        broken.close()

    def _open(self) -> openslide.OpenSlide:
        try:
            slide = openslide.OpenSlide(self._path)
        except openslide.OpenSlideUnsupportedFormatError:
            raise
        except openslide.OpenSlideError as exc:
            code = "unsupported-format" if str(exc).startswith("Unsupported") else "unreadable-slide"
            raise CannotRead(code, str(exc)) from exc
        slide.set_cache(openslide.OpenSlideCache(TILE_CACHE_BYTES))
        return slide

    def _rgb(self, image: Image.Image) -> NDArray[np.uint8]:
        rgb = image.convert("RGB")
        if self._is_ycbcr:
            rgb = Image.frombuffer("YCbCr", image.size, rgb.tobytes(), "raw", "YCbCr", 0, 1).convert("RGB")
        alpha = image.getchannel("A")
        if alpha.getextrema() == (255, 255):
            return np.asarray(rgb)
        return np.asarray(Image.composite(rgb, Image.new("RGB", image.size, WHITE), alpha))  # what the scanner left out


def _number(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        number = float(text)  # type: ignore[arg-type]
        return number if 0.0 < number < float("inf") else None
    return None
