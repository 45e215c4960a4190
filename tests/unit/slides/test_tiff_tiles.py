"""Tiles of JPEG are decoded by tifffile, which is quicker, wherever it sees what OpenSlide sees."""

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from idc_slides.decoding.openslide_source import OpenSlideSource
from idc_slides.decoding.tiff_tiles import TiffTiles, tiles_of
from support.made_slides import tissue_slide
from support.slide_files import write_slide

PIXELS = tissue_slide(12, 16).pixels
SIZE = (PIXELS.shape[1], PIXELS.shape[0])


def write_ycbcr(path: Path) -> Path:
    """Tiles as scanners write them: YCbCr with half the colours' resolution."""

    def tiles() -> Iterator[bytes]:
        for top in range(0, SIZE[1], 256):
            for left in range(0, SIZE[0], 256):
                tile = Image.fromarray(PIXELS).crop((left, top, left + 256, top + 256))
                jpeg = io.BytesIO()
                tile.save(jpeg, "JPEG", quality=90, subsampling=2)
                yield jpeg.getvalue()

    tifffile.imwrite(
        path,
        tiles(),
        shape=PIXELS.shape,
        dtype=np.uint8,
        tile=(256, 256),
        photometric="ycbcr",
        subsampling=(2, 2),
        compression="jpeg",
        metadata=None,
    )
    return path


@contextmanager
def source_of(path: Path) -> Iterator[OpenSlideSource]:
    with closing(OpenSlideSource(path)) as source:
        assert source.facts()["format"] == "generic-tiff"
        yield source


@pytest.mark.parametrize("kind", ["rgb", "ycbcr"])
def test_both_decode_the_same_pixels(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.tiff"
    path = write_ycbcr(path) if kind == "ycbcr" else write_slide(path, PIXELS)
    with openslide.OpenSlide(path) as slide:
        expected = np.asarray(slide.read_region((130, 70), 0, (500, 300)))[..., :3]
    tiles = tiles_of(path, [SIZE])
    assert tiles is not None

    with closing(tiles):
        found = tiles.read(0, 130, 70, (500, 300))

    assert np.abs(found.astype(int) - expected).max() <= 2


def test_the_quick_way_is_taken_for_jpeg_alone(tmp_path: Path) -> None:
    jpeg = write_slide(tmp_path / "jpeg.tiff", PIXELS, enlarged_by=2)
    plain = write_slide(tmp_path / "plain.tiff", PIXELS, compression="deflate")

    with source_of(jpeg) as quick, source_of(plain) as slow:
        assert isinstance(quick._tiles, TiffTiles)
        assert slow._tiles is None
    assert tiles_of(tmp_path / "jpeg.tiff", [(1, 1)]) is None


def test_tiles_whose_colours_differ_are_left_to_openslide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_slide(tmp_path / "a.tiff", PIXELS)
    read = TiffTiles.read
    monkeypatch.setattr(TiffTiles, "read", lambda *arguments: read(*arguments)[..., ::-1])

    with source_of(path) as source:
        assert source._tiles is None
        found, _, _ = source.read(0, 100, 100, (200, 200))
    assert np.abs(found.astype(int) - PIXELS[100:300, 100:300]).mean() < 5
