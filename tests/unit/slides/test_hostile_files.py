"""A file that lies about itself is refused in bounded time and memory, and harms nothing but its own reader."""

import resource
from pathlib import Path

import numpy as np
import pytest
import tifffile

from idc_slides.reading import Limits, SlideFile, SlideUnreadable
from support.hostile_tiff import DEFLATE, LZW, NONE, bomb, hostile_tiff

LIMITS = Limits(read_timeout_s=60, worker_deaths=2)
ENTITIES = "".join(f'<!ENTITY e{depth} "{f"&e{depth - 1};" * 9 if depth else "e"}">' for depth in range(10))
"""They would grow to 9^9 letters."""

BOMB, END = bomb(), len(hostile_tiff())
FILES = {
    "images-in-a-circle": hostile_tiff(next_ifd=8),
    "tile-before-the-file": hostile_tiff(offset=-5),
    "tile-of-negative-length": hostile_tiff(length=-1),
    "one-tile-of-12-GB": hostile_tiff(side_px=65_535, tile_px=65_520),
    "one-plain-tile-of-12-GB": hostile_tiff(side_px=65_535, tile_px=65_520, compression=NONE),
    "tiles-of-800-MB": hostile_tiff(side_px=30_000, tile_px=16_384, compression=LZW),
    "four-billion-pixels-a-side": hostile_tiff(side_px=4_000_000_000),
    "four-billion-tiles": hostile_tiff(tiles=4_000_000_000),
    "tiles-of-no-pixels": hostile_tiff(tile_px=0),
    "no-pixels": hostile_tiff(side_px=0),
    "a-bomb": hostile_tiff(side_px=30_000, tile_px=15_008, compression=DEFLATE, offset=END, length=len(BOMB)) + BOMB,
}


@pytest.mark.parametrize("name", FILES)
def test_a_tiff_that_lies_is_refused_with_a_reason_and_a_remedy(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.tiff").write_bytes(FILES[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(SlideUnreadable) as refused, SlideFile.open(tmp_path / f"{name}.tiff", LIMITS) as slide:
        slide.overview()

    assert refused.value.code in ("unreadable-slide", "unsupported-format", "slide-too-costly", "slide-too-large")
    assert "again" in refused.value.detail
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32_000, "in KiB: the parent held none of it"


def test_a_tile_that_unpacks_to_more_than_it_may_hold_is_white_or_cut_and_costs_no_memory(tmp_path: Path) -> None:
    content = hostile_tiff(side_px=5_000, tile_px=5_008, compression=DEFLATE, offset=END, length=len(BOMB)) + BOMB
    (tmp_path / "liar.tiff").write_bytes(content)

    with SlideFile.open(tmp_path / "liar.tiff", LIMITS) as slide:
        bands = list(slide.bands(slide.scale(0.5)))

    assert len(bands) == 13


def test_entities_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    xml = f"<?xml version='1.0'?><!DOCTYPE OME [{ENTITIES}]><OME><Image Name='&e9;'/></OME>"
    pixels = np.full((600, 600, 3), 90, np.uint8)
    path = tmp_path / "entities.ome.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", description=xml, metadata=None, tile=(256, 256))

    with pytest.raises(SlideUnreadable, match="copy it again"):
        SlideFile.open(path, LIMITS)
