"""Which images are checked without a thread: those that cannot take long."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from idc_gateway.classifying.check_image import is_quick
from support.demo_patches import png_of, solid_png

NOISE = np.random.default_rng(1).integers(0, 256, (120, 120, 3), dtype=np.uint8)


def _encoded(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (50, 50)).save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def _with_text() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("bomb", "x" * 1_000_000, zip=True)
    return _encoded("PNG", pnginfo=texts)


@pytest.mark.parametrize("image", [solid_png((200, 10, 10)), png_of(NOISE[:50, :50]), _encoded("PNG", dpi=(96, 96))])
def test_small_png_is_quick(image: bytes) -> None:
    assert is_quick(image)


@pytest.mark.parametrize(
    "image",
    [
        solid_png((200, 10, 10), side_px=129),
        png_of(NOISE),
        _with_text(),
        _encoded("PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        _encoded("JPEG"),
        b"",
        solid_png((200, 10, 10))[:30],
    ],
    ids=["large", "many bytes", "text", "profile", "jpeg", "nothing", "cut off"],
)
def test_image_that_may_take_longer_is_not_quick(image: bytes) -> None:
    assert not is_quick(image)
