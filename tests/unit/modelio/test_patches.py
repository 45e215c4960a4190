"""What is read as a patch, and what is refused."""

import io
import struct
import tracemalloc
import zlib
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from idc_modelio.errors import NotAnImage, PatchError, TruncatedImage, UnsupportedColour, UnsupportedSize
from idc_modelio.patches import MAX_ENCODED_BYTES, MAX_SIDE_PX, MIN_SIDE_PX, decode_patch, inspect_image


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise(width_px: int = 50, height_px: int = 50) -> Image.Image:
    pixels = np.random.default_rng(7).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def rgb_png(width_px: int, height_px: int, rows: bytes, *, bits: int = 8, between: bytes = b"") -> bytes:
    """A PNG of raw rows, each with its filter byte before it; `between` are chunks before the pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, bits, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + between + pixels


def png_header(width_px: int, height_px: int) -> bytes:
    return rgb_png(width_px, height_px, bytes(100))


def rgb_tiff(bits: int, *, planar: bool = False, strips: int = 1, frames: int = 1) -> bytes:
    """A black, uncompressed TIFF of 50 x 50 px; each frame is the same pixels, each strip the same offset."""
    plane_bytes, planes = 50 * 50 * bits // 8, 3 if planar else 1
    bits_at, offsets_at = 8, 16
    count = strips * planes
    sizes_at = offsets_at + 4 * count
    pixels_at = sizes_at + 4 * count
    offsets = [pixels_at + (i % planes) * plane_bytes for i in range(count)]
    sizes = [plane_bytes * 3 // planes // strips] * count
    entries = [
        (256, 3, 1, 50),  # width, height, bits a sample, colours, strips, samples, rows a strip, planes
        (257, 3, 1, 50),
        (258, 3, 3, bits_at),
        (262, 3, 1, 2),
        (273, 4, count, offsets_at if count > 1 else pixels_at),
        (277, 3, 1, 3),
        (278, 3, 1, 50 if strips == 1 else 1),
        (279, 4, count, sizes_at if count > 1 else sizes[0]),
        (284, 3, 1, 2 if planar else 1),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = struct.pack(f"<4H{2 * count}I", bits, bits, bits, 0, *offsets, *sizes) + bytes(3 * plane_bytes)
    first = 8 + len(data)
    nexts = [first + (i + 1) * (len(directory) + 4) for i in range(frames - 1)] + [0]
    return b"II*\0" + struct.pack("<I", first) + data + b"".join(directory + struct.pack("<I", at) for at in nexts)


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


@pytest.mark.parametrize(("form", "tolerance"), [("PNG", 0), ("JPEG", 4), ("TIFF", 0), ("WEBP", 4)])
def test_exif_orientation_is_applied_in_every_format(form: str, tolerance: int) -> None:
    stored = Image.new("RGB", (50, 50))
    stored.paste((255, 0, 0), (0, 0, 50, 25))
    upside_down = Image.Exif()
    upside_down[0x0112] = 3

    patch = decode(encode(stored, form, exif=upside_down)).astype(int)

    assert np.abs(patch[0, 0] - (0, 0, 0)).max() <= tolerance
    assert np.abs(patch[49, 49] - (255, 0, 0)).max() <= tolerance


@pytest.mark.parametrize("planar", [True, False])
def test_uncompressed_tiff_is_read_interleaved_or_in_planes(planar: bool) -> None:
    assert not decode(rgb_tiff(8, planar=planar)).any()


def test_inspection_returns_format_and_size() -> None:
    header = inspect_image(encode(noise(64, 32), "BMP"))

    assert (header.format, header.width_px, header.height_px, header.mode) == ("BMP", 64, 32, "RGB")


@pytest.mark.parametrize(
    "data", [b"", b"patient,label\n1,0\n", b"\x89PNG", encode(noise(), "GIF"), encode(noise(), "PPM")]
)
def test_what_is_not_an_allowed_format_is_refused(data: bytes) -> None:
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
def test_colour_that_is_not_rgb_is_refused(mode: str) -> None:
    with pytest.raises(UnsupportedColour, match="8-bit RGB"):
        decode(encode(Image.new(mode, (50, 50))))


@pytest.mark.parametrize(
    "data",
    [
        rgb_png(50, 50, bytes(50 * 301), bits=16),
        rgb_tiff(16),
        rgb_tiff(16, planar=True),
    ],
    ids=["png", "tiff", "tiff-planes"],
)
def test_sixteen_bits_a_channel_are_refused_not_cut_down(data: bytes) -> None:
    with pytest.raises(UnsupportedColour, match="8 bits per channel"):
        decode(data)


def test_rgb_png_with_a_transparent_colour_in_use_is_refused() -> None:
    rows = b"".join(b"\0" + bytes(150) for _ in range(50))
    black, white = (png_chunk(b"tRNS", struct.pack(">HHH", *[value] * 3)) for value in (0, 255))

    assert decode(rgb_png(50, 50, rows, between=white)).shape == (50, 50, 3)
    with pytest.raises(UnsupportedColour, match="transparent"):
        decode(rgb_png(50, 50, rows, between=black))


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


def test_huge_text_chunk_is_refused() -> None:
    bomb = png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(80 * 1024 * 1024), 9))
    plain = encode(noise())

    with pytest.raises(PatchError):
        decode(plain[:33] + bomb + plain[33:])


def test_larger_file_than_a_patch_needs_is_refused_unread() -> None:
    padding = png_chunk(b"tEXt", b"key\0" + bytes(MAX_ENCODED_BYTES))

    with pytest.raises(UnsupportedSize, match="2097152"):
        decode(encode(noise())[:33] + padding)


def test_largest_uncompressed_patch_is_read() -> None:
    image = Image.new("RGBA", (MAX_SIDE_PX, MAX_SIDE_PX), (1, 2, 3, 255))

    assert (decode(encode(image, "TIFF")) == (1, 2, 3)).all()


def test_frames_of_a_tiff_are_not_counted_before_it_is_refused() -> None:
    """Each frame points back into the file: to count them all takes minutes."""
    with pytest.raises(UnsupportedColour, match="several frames"):
        decode(rgb_tiff(8, frames=15_000))


def test_only_the_strips_that_an_image_has_are_decoded() -> None:
    """Pillow's own reader decodes all 200,000, which takes minutes and 70 MiB."""
    data = rgb_tiff(8, strips=200_000)
    tracemalloc.start()
    try:
        with suppress(PatchError):
            decode(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 4 * len(data)


def test_jpeg_of_many_scans_is_refused() -> None:
    plain = encode(noise(), "JPEG", progressive=True)
    scan = plain[plain.rindex(b"\xff\xda") : -2]

    assert decode(plain).shape == (50, 50, 3)
    with pytest.raises(TruncatedImage, match="100 scans"):
        decode(plain[:-2] + scan * 200 + plain[-2:])


@given(st.binary(max_size=4096))
def test_any_bytes_are_a_patch_or_refused(data: bytes) -> None:
    try:
        patch = decode(data)
    except PatchError:
        return
    assert patch.shape == (50, 50, 3)


_VALID = [encode(noise(16, 16), form) for form in ("PNG", "JPEG", "TIFF", "BMP", "WEBP")] + [
    encode(noise(16, 16), "TIFF", save_all=True, append_images=[noise(16, 16)]),
    encode(noise(16, 16), "TIFF", compression="tiff_lzw"),
]


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


def test_every_real_patch_is_read_but_strips_from_the_edge_of_a_slide(idc_data: Path) -> None:
    for path in sorted((idc_data / "idc").rglob("*.png"))[::40]:
        with Image.open(path) as image:
            strip = min(image.size) < MIN_SIDE_PX
        with pytest.raises(UnsupportedSize) if strip else nullcontext():
            assert decode(path.read_bytes()).shape == (50, 50, 3)
