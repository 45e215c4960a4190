"""The geometry of DeepZoom tiles."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_slides.deepzoom import DeepZoom

SIDES = st.integers(1, 5000)


def test_the_description_has_the_slides_size_and_the_tiles() -> None:
    image = ET.fromstring(DeepZoom(2220, 2967).dzi())

    assert image.attrib == {"Format": "jpeg", "Overlap": "1", "TileSize": "254"}
    assert image[0].attrib == {"Width": "2220", "Height": "2967"}


@given(width=SIDES, height=SIDES, steps=st.integers(0, 12))
def test_tiles_of_a_level_cover_it_and_overlap_by_one_pixel(width: int, height: int, steps: int) -> None:
    deepzoom = DeepZoom(width, height)
    level = max(deepzoom.last_level - steps, 0)
    across = []
    with pytest.raises(LookupError):
        while True:
            across.append(deepzoom.tile(level, len(across), 0))

    downsample = 2 ** (deepzoom.last_level - level)
    assert across[0].left_px == 0
    assert across[-1].left_px + across[-1].width_px == -(-width // downsample)
    for one, other in pairwise(across):
        assert one.left_px + one.width_px - other.left_px == 2


def test_the_first_level_is_one_pixel() -> None:
    tile = DeepZoom(40_000, 30_000).tile(0, 0, 0)

    assert (tile.width_px, tile.height_px) == (1, 1)


@pytest.mark.parametrize("place", [(-1, 0, 0), (17, 0, 0), (16, -1, 0), (16, 0, 119), (16, 158, 0)])
def test_a_tile_that_does_not_exist_is_a_lookup_error(place: tuple[int, int, int]) -> None:
    with pytest.raises(LookupError):
        DeepZoom(40_000, 30_000).tile(*place)
