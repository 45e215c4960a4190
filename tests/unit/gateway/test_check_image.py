"""Which images are checked without a thread, and which go to inference decoded."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from idc_gateway.classifying.check_image import check_image, is_quick
from idc_gateway.classifying.uploads import Upload
from idc_gateway.results.classifications import PatchOrigin
from idc_modelio.patches import decode_patch
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


def _on_its_side() -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(NOISE[:50, :50]).save(file, "PNG", exif=exif)
    return file.getvalue()


def _in(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE[:50, :50]).convert(mode).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "image", [_in("PNG"), _in("PNG", "RGBA"), _in("JPEG"), _in("TIFF"), _in("BMP"), _on_its_side()]
)
def test_decoded_patch_is_what_inference_would_decode(image: bytes) -> None:
    checked = check_image(Upload("a.png", image), 1_000_000)

    assert checked.patch == decode_patch(image, height_px=50, width_px=50).tobytes()


@pytest.mark.parametrize(
    "upload",
    [Upload("", png_of(NOISE[:51, :50])), Upload("", _in("PNG"), PatchOrigin(um_per_px=4.0))],
    ids=["another size", "a stated scale"],
)
def test_image_that_inference_has_to_scale_is_not_sent_decoded(upload: Upload) -> None:
    assert check_image(upload, 1_000_000).patch is None
