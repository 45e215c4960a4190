"""Slides as scanners of several vendors write them are read at their scale, and their macro image is not the slide."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from idc_slides.reading import SlideFile
from support.made_slides import tissue_slide
from support.mirax_slide import write_mrxs
from support.vendor_slides import write_ndpi, write_scn

MADE = tissue_slide(6, 8)
FINEST = MADE.pixels.repeat(8, axis=0).repeat(8, axis=1)


@pytest.mark.parametrize(
    ("write", "name", "vendor"),
    [(write_scn, "a.scn", "leica"), (write_ndpi, "a.ndpi", "hamamatsu"), (write_mrxs, "a.mrxs", "mirax")],
)
def test_a_slide_of_a_vendor_is_read_at_its_scale(
    tmp_path: Path, write: Callable[[Path, np.ndarray, float], Path], name: str, vendor: str
) -> None:
    path = write(tmp_path / name, FINEST, 0.5)

    with SlideFile.open(path) as slide:
        chosen = slide.scale()
        cells = np.stack([band.cells for band in slide.bands(chosen)])

    assert slide.described.format == vendor
    assert slide.described.um_per_px == pytest.approx(0.5, rel=1e-3)
    found = cells[:6, :8].swapaxes(1, 2).reshape(MADE.pixels.shape)
    assert np.abs(found.astype(int) - MADE.pixels).mean() < 3
    assert (cells[6:] > 250).all(), "SCN shows the whole glass"


def test_a_colour_profile_changes_no_pixel(tmp_path: Path, icc_profile: bytes) -> None:
    plain, profiled = tmp_path / "plain.tiff", tmp_path / "profiled.tiff"
    for path, profile in ((plain, None), (profiled, icc_profile)):
        tifffile.imwrite(
            path,
            FINEST,
            tile=(256, 256),
            photometric="rgb",
            compression="deflate",
            resolution=(20_000, 20_000),
            resolutionunit="CENTIMETER",
            iccprofile=profile,
            metadata=None,
        )

    with SlideFile.open(plain) as one, SlideFile.open(profiled) as other:
        cells, same = (np.stack([band.cells for band in each.bands(each.scale())]) for each in (one, other))

    assert (cells == same).all()


@pytest.fixture
def icc_profile() -> bytes:
    """One that would turn all colours: sRGB with the tags of red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"xxxx").replace(b"bXYZ", b"rXYZ").replace(b"xxxx", b"bXYZ")
