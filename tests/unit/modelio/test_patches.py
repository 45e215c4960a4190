"""What is read as a patch, and what is refused."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from idc_modelio.errors import NotAnImage, PatchError, TruncatedImage, UnsupportedColour, UnsupportedSize
from idc_modelio.patches import MAX_SIDE_PX, MIN_SIDE_PX, decode_patch, inspect_image


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(width_px: int = 50, height_px: int = 50) -> Image.Image:
    pixels = np.random.default_rng(7).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_header(width_px: int, height_px: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100)))


def decode(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return decode_patch(data, height_px=50, width_px=50)


@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("TIFF", {}), ("BMP", {}), ("WEBP", {"lossless": True})])
def test_lossless_format_gives_back_the_very_pixels_in_rgb_order(form: str, options: dict[str, Any]) -> None:
    image = noise()

    patch = decode(encode(image, form, **options))

    assert patch.dtype == np.uint8
    np.testing.assert_array_equal(patch, np.asarray(image))


def test_jpeg_gives_the_colour_within_its_loss() -> None:
    patch = decode(encode(Image.new("RGB", (50, 50), (200, 30, 90)), "JPEG", quality=95))

    assert np.abs(patch.astype(int) - (200, 30, 90)).max() <= 4


def test_opaque_rgba_is_read_as_rgb() -> None:
    image = noise()
    rgba = image.copy()
    rgba.putalpha(255)

    np.testing.assert_array_equal(decode(encode(rgba)), np.asarray(image))


@pytest.mark.parametrize(
    ("width_px", "height_px"), [(MIN_SIDE_PX, 50), (50, 12), (200, 200), (MAX_SIDE_PX, MAX_SIDE_PX)]
)
def test_patch_of_another_size_is_scaled_to_what_the_model_reads(width_px: int, height_px: int) -> None:
    patch = decode(encode(Image.new("RGB", (width_px, height_px), (10, 20, 30))))

    assert patch.shape == (50, 50, 3)
    assert (patch == (10, 20, 30)).all()


def test_inspection_tells_format_and_size() -> None:
    header = inspect_image(encode(noise(64, 32), "BMP"))

    assert (header.format, header.width_px, header.height_px, header.mode) == ("BMP", 64, 32, "RGB")


@pytest.mark.parametrize(
    "data", [b"", b"patient,label\n1,0\n", b"\x89PNG", encode(noise(), "GIF"), encode(noise(), "PPM")]
)
def test_what_is_no_allowed_format_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        decode(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_truncated_image_is_refused(form: str) -> None:
    data = encode(noise(), form)

    with pytest.raises(PatchError) as refusal:
        decode(data[: len(data) // 2])

    assert isinstance(refusal.value, (TruncatedImage, NotAnImage))


@pytest.mark.parametrize(
    ("width_px", "height_px"), [(30_000, 30_000), (12_000, 12_000), (2**31 - 1, 2**31 - 1), (513, 50), (50, 9), (1, 1)]
)
def test_size_is_refused_from_the_header_alone(width_px: int, height_px: int) -> None:
    with pytest.raises(UnsupportedSize):
        inspect_image(png_header(width_px, height_px))


def test_zero_sides_are_refused() -> None:
    with pytest.raises(PatchError):
        inspect_image(png_header(0, 0))


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "I;16"])
def test_colour_that_is_no_rgb_is_refused(mode: str) -> None:
    with pytest.raises(UnsupportedColour, match="8-bit RGB"):
        decode(encode(Image.new(mode, (50, 50))))


def test_cmyk_jpeg_is_refused() -> None:
    with pytest.raises(UnsupportedColour, match="CMYK"):
        decode(encode(Image.new("CMYK", (50, 50)), "JPEG"))


def test_transparent_pixels_are_refused() -> None:
    image = noise()
    image.putalpha(128)

    with pytest.raises(UnsupportedColour, match="transparent"):
        decode(encode(image))


@pytest.mark.parametrize("form", ["WEBP", "TIFF", "PNG"])
def test_several_frames_are_refused(form: str) -> None:
    data = encode(noise(), form, save_all=True, append_images=[noise(50, 50).rotate(90)])

    with pytest.raises(UnsupportedColour, match="frame"):
        decode(data)


def test_huge_text_chunk_is_refused_or_ignored_in_bounded_memory() -> None:
    text = zlib.compress(bytes(80 * 1024 * 1024), 9)
    chunk = b"zTXtkey\0\0" + text
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    plain = encode(noise())

    with pytest.raises(PatchError):
        decode(plain[:33] + bomb + plain[33:])


# Pillow warns of damaged TIFF tags before it gives up.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(st.binary(max_size=4096))
def test_any_bytes_are_a_patch_or_refused(data: bytes) -> None:
    try:
        patch = decode(data)
    except PatchError:
        return
    assert patch.shape == (50, 50, 3)


_VALID = [encode(noise(), form) for form in ("PNG", "JPEG", "TIFF", "BMP", "WEBP")]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(st.sampled_from(_VALID), st.data())
def test_damaged_image_is_a_patch_or_refused(valid: bytes, data: st.DataObject) -> None:
    damaged = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        patch = decode(bytes(damaged))
    except PatchError:
        return
    assert patch.shape == (50, 50, 3)


def test_every_real_patch_is_read(idc_data: Path) -> None:
    paths = sorted((idc_data / "idc").rglob("*.png"))[::40]

    shapes = {decode(path.read_bytes()).shape for path in paths}

    assert len(paths) > 100
    assert shapes == {(50, 50, 3)}
