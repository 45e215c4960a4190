"""What is refused is called by its true name, and what helps does help."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from idc_modelio.errors import NotAnImage, PatchError, TruncatedImage, UnsupportedColour, UnsupportedForm
from idc_modelio.patches import MIN_SIDE_PX, decode_patch, inspect_image
from support.made_patches import made_patch


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def stained(side_px: int = 50) -> Image.Image:
    return Image.fromarray(made_patch(1, np.random.default_rng(3), side_px))


def refusal(data: bytes) -> PatchError:
    with pytest.raises(PatchError) as raised:
        inspect_image(data)
    return raised.value


def with_tag(tiff: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with the value of one SHORT tag changed."""
    (start,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, start)
    changed = bytearray(tiff)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", tiff, entry)[0] == tag:
            struct.pack_into("<H", changed, entry + 8, value)
            return bytes(changed)
    raise AssertionError(f"no tag {tag}")


HEIC = b"\0\0\0\x18ftypheic" + bytes(40)
DICOM = bytes(128) + b"DICM" + bytes(40)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
        (b"<html><head>", "HTML page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?>\n<svg/>', "SVG"),
        (b'<?xml version="1.0"?><annotations/>', "XML"),
        (DICOM, "DICOM"),
        (HEIC, "HEIC"),
        (b"\0\0\0\x1cftypavif" + bytes(40), "AVIF"),
        (encode(stained(), "GIF"), "GIF"),
        (encode(stained(), "JPEG2000"), "JPEG 2000"),
        (b'{"image": "..."}', "JSON"),
        (b"patient,label\n1,0\n", "text"),
        ("ungültig\n".encode(), "text"),
        (b"iVBORw0KGgoAAAANSUhEUg", "base64"),
        (b"data:image/png;base64,iVBOR", "data URL"),
        (b"PK\x03\x04" + bytes(30), "ZIP"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (bytes(5000), "zeros"),
        (b"%PDF-1.7" + bytes(3_000_000), "PDF"),
    ],
)
def test_what_is_not_an_image_is_called_by_its_name(data: bytes, name: str) -> None:
    error = refusal(data)

    assert isinstance(error, NotAnImage)
    assert name in str(error)


def test_png_that_was_sent_as_text_says_so() -> None:
    error = refusal(encode(stained()).replace(b"\r\n", b"\n"))

    assert isinstance(error, NotAnImage)
    assert "line ends" in str(error)


@pytest.mark.parametrize(
    ("compression", "name"),
    [
        (33003, "JPEG 2000"),
        (33005, "JPEG 2000"),
        (34712, "JPEG 2000"),
        (34887, "LERC"),
        (50001, "WebP"),
        (65000, "65000"),
    ],
)
def test_compression_within_a_tiff_is_named(compression: int, name: str) -> None:
    error = refusal(with_tag(encode(stained(), "TIFF", compression="tiff_lzw"), 259, compression))

    assert isinstance(error, UnsupportedForm)
    assert "TIFF uses" in str(error)
    assert name in str(error)
    assert "damaged" not in str(error)


def test_jpeg_of_twelve_bits_is_not_called_damaged() -> None:
    data = bytearray(encode(stained(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12

    error = refusal(bytes(data))

    assert isinstance(error, UnsupportedForm)
    assert "12 bits" in str(error)


def test_lossless_jpeg_is_not_called_damaged() -> None:
    data = encode(stained(), "JPEG").replace(b"\xff\xc0\x00\x11", b"\xff\xc5\x00\x11")

    assert isinstance(refusal(data), UnsupportedForm)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_damaged_image_is_reported_with_its_format_and_without_the_decoders_text(form: str) -> None:
    data = encode(stained(), form)

    error = refusal(data[: len(data) // 2])

    assert isinstance(error, TruncatedImage)
    assert form.casefold() in str(error).casefold()
    for word in ("Error", "object at 0x", "NoneType", "bytes not processed", "tile"):
        assert word not in str(error)


GREY = [
    encode(stained().convert("L")),
    encode(stained().convert("LA")),
    encode(stained().convert("1")),
    encode(Image.fromarray(np.full((50, 50), 700, np.uint16))),
    encode(stained().convert("L"), "JPEG"),
    encode(stained().convert("L"), "TIFF"),
]
GREY_AS_RGB = [
    encode(stained().convert("L").convert("RGB"), form, **options)
    for form, options in [("PNG", {}), ("TIFF", {}), ("BMP", {}), ("JPEG", {"quality": 80}), ("WEBP", {"quality": 80})]
]


@pytest.mark.parametrize("data", GREY + GREY_AS_RGB)
def test_grey_image_is_never_sent_to_a_conversion(data: bytes) -> None:
    error = refusal(data)

    assert isinstance(error, UnsupportedColour)
    assert "grey" in str(error)
    assert "export the patch from the slide again" in str(error)
    assert "convert it" not in str(error)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_plain_area_without_colour_is_read(level: int) -> None:
    assert (decode_patch(encode(Image.new("RGB", (50, 50), (level,) * 3)), height_px=50, width_px=50) == level).all()


def test_white_glass_with_noise_and_a_black_edge_is_read() -> None:
    glass = np.random.default_rng(1).integers(232, 256, (50, 50, 1), dtype=np.uint8).repeat(3, axis=2)
    glass[:10] = np.random.default_rng(2).integers(0, 20, (10, 50, 1), dtype=np.uint8)

    assert inspect_image(encode(Image.fromarray(glass))).width_px == 50


def test_pale_patch_with_little_colour_is_read() -> None:
    pale = np.random.default_rng(1).integers(150, 200, (50, 50, 1), dtype=np.uint8).repeat(3, axis=2)
    pale[25, 25, 0] += 7

    assert inspect_image(encode(Image.fromarray(pale))).width_px == 50


def test_transparent_edge_is_cropped_and_never_filled() -> None:
    image = stained(60)
    image.putalpha(255)
    image.paste((0, 0, 0, 0), (50, 0, 60, 60))
    error = refusal(encode(image))

    assert "transparent" in str(error)
    assert "crop" in str(error)
    assert "flatten" not in str(error)
    assert inspect_image(encode(image.crop((0, 0, 50, 60)))).width_px == 50


def test_error_of_an_image_without_an_opaque_pixel_does_not_advise_cropping() -> None:
    image = stained()
    image.putalpha(128)

    assert "crop" not in str(refusal(encode(image)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encode(stained().convert("P")), "palette"),
        (encode(stained().convert("CMYK"), "JPEG"), "CMYK"),
        (encode(stained().convert("LAB"), "TIFF"), "LAB"),
        (encode(stained(), "TIFF", save_all=True, append_images=[stained(40)]), "frames"),
    ],
)
def test_remedy_leads_back_to_the_slide(data: bytes, words: str) -> None:
    error = refusal(data)

    assert words in str(error)
    assert "convert it" not in str(error)


@pytest.mark.parametrize("side_px", [4, 600])
def test_image_of_another_size_is_not_to_be_scaled(side_px: int) -> None:
    error = refusal(encode(stained(side_px)))

    assert f"{side_px} x {side_px} px" in str(error)
    assert "do not scale" in str(error)


def test_colour_profile_changes_no_number() -> None:
    from PIL import ImageCms  # noqa: PLC0415 - for this test alone

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain, profiled = encode(stained()), encode(stained(), icc_profile=profile)

    np.testing.assert_array_equal(
        decode_patch(profiled, height_px=50, width_px=50), decode_patch(plain, height_px=50, width_px=50)
    )


def test_grey_copy_of_a_real_patch_is_refused_and_the_patch_is_read(idc_data: Path) -> None:
    paths = sorted((idc_data / "idc").rglob("*.png"))[::199]
    patches = [decode_patch(path.read_bytes(), height_px=50, width_px=50) for path in paths if is_whole(path)]
    stained_ones = [Image.fromarray(patch) for patch in patches if np.median(patch) < 200]

    assert len(stained_ones) > len(paths) // 4
    for patch in stained_ones:
        assert "grey" in str(refusal(encode(patch.convert("L").convert("RGB"))))


def is_whole(path: Path) -> bool:
    with Image.open(path) as image:
        return min(image.size) >= MIN_SIDE_PX
