"""Decodes an image to the model's input, for training and serving alike."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,  # noqa: F401 - these imports register the five decoders; without them Pillow loads all it has
    Image,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    WebPImagePlugin,  # noqa: F401
)

from idc_modelio.errors import PatchError, UnsupportedSize
from idc_modelio.field import Box, field_box
from idc_modelio.image_checks import check_bytes, check_coloured, check_header, check_opaque, unreadable
from idc_modelio.limits import FORMATS, MAX_ENCODED_BYTES, MAX_JPEG_SCANS, MAX_SIDE_PX, MIN_SIDE_PX

__all__ = [
    "FORMATS",
    "MAX_ENCODED_BYTES",
    "MAX_JPEG_SCANS",
    "MAX_SIDE_PX",
    "MIN_SIDE_PX",
    "ImageHeader",
    "as_png",
    "decode_patch",
    "inspect_image",
    "read_image",
]

# Pillow's own reader of uncompressed TIFF decodes every strip that a file claims, 250,000 of 1 MiB in four minutes, and
# reads 16-bit planes as 8-bit ones. libtiff, which it uses for compressed files, decodes those that the image has.
TiffImagePlugin.READ_LIBTIFF = True


@dataclass(frozen=True)
class ImageHeader:
    """The header of an image."""

    format: str
    width_px: int
    height_px: int
    mode: str


Pixels = NDArray[np.uint8]


@contextmanager
def _decoded(data: bytes) -> Iterator[tuple[Image.Image, Pixels]]:
    """Decode an image and turn it upright; any exception of Pillow in the block becomes a PatchError.

    Yields:
        The image, and its pixels: RGB, shape (height, width, 3).
    """
    check_bytes(data)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_header(image)
            image.load()
            check_opaque(image)
            rgb = _rgb(image)
            check_coloured(rgb)
            if "exif" in image.info:
                ImageOps.exif_transpose(image, in_place=True)
                rgb = _rgb(image)
            yield image, rgb
    except PatchError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        text = f"the image has too many pixels: cut one patch of at most {MAX_SIDE_PX} x {MAX_SIDE_PX} px out of it"
        raise UnsupportedSize(text) from exc
    except Exception as exc:
        # Damaged bytes make Pillow's readers raise TypeError, KeyError and more; no list would be complete.
        raise unreadable(data) from exc


def _rgb(image: Image.Image) -> Pixels:
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def inspect_image(data: bytes) -> ImageHeader:
    """Check that an encoded image can be decoded to a patch, and return its header. Raises as `read_image`."""
    return read_image(data)[0]


def read_image(data: bytes) -> tuple[ImageHeader, Pixels]:
    """Check that an encoded image can be decoded to a patch, and return its header and its pixels.

    Returns:
        The header, and the whole upright image: RGB, uint8, shape (height, width, 3), values 0-255. They are what
        `decode_patch` makes of it where it has the patch's size and no stated scale.

    Raises:
        NotAnImage: The bytes are empty or of no allowed format.
        TruncatedImage: The image is damaged or ends early.
        UnsupportedColour: The image is not 8-bit RGB, is grey all over, has transparent pixels or several frames.
        UnsupportedForm: The image is of an allowed format in a form that is not read, such as JPEG 2000 in a TIFF.
        UnsupportedSize: A side is outside of MIN_SIDE_PX-MAX_SIDE_PX, or the file is larger than MAX_ENCODED_BYTES;
            no pixel was decoded.
    """
    with _decoded(data) as (image, rgb):
        return ImageHeader(str(image.format), image.width, image.height, image.mode), rgb


def as_png(data: bytes) -> bytes:
    """An image of any allowed format as PNG, which every browser shows: upright, RGB, without other contents.

    Raises:
        PatchError: As `inspect_image`.
    """
    with _decoded(data) as (image, rgb):
        png = io.BytesIO()
        # A new image: what the file says beside its pixels stays behind.
        Image.frombytes("RGB", image.size, rgb.tobytes()).save(png, "PNG")
        return png.getvalue()


def decode_patch(data: bytes, *, height_px: int, width_px: int, um_per_px: float | None = None) -> Pixels:
    """Decode one encoded image to one patch.

    An image of a stated scale is cut to its central field of FIELD_UM (`field_box`). One of another size without a
    scale, or too narrow for the field, counts as one patch of the same field of view. Either is scaled by Pillow's
    bilinear filter, which averages when it shrinks. An EXIF orientation is applied, so that the model sees what a
    viewer shows. A colour profile (ICC) is not applied.

    Args:
        data: The image.
        height_px: Of the patch.
        width_px: Of the patch.
        um_per_px: The image's scale, > 0; None where it is not stated.

    Returns:
        RGB, uint8, shape (height_px, width_px, 3), values 0-255.

    Raises:
        NotAnImage: The bytes are empty or of no allowed format.
        TruncatedImage: The image is damaged or ends early.
        UnsupportedColour: The image is not 8-bit RGB, is grey all over, has transparent pixels or several frames.
        UnsupportedForm: The image is of an allowed format in a form that is not read, such as JPEG 2000 in a TIFF.
        UnsupportedSize: A side is outside of MIN_SIDE_PX-MAX_SIDE_PX, or the file is larger than MAX_ENCODED_BYTES;
            no pixel was decoded.
    """
    with _decoded(data) as (image, rgb):
        whole: Box = (0.0, 0.0, float(image.width), float(image.height))
        box = whole if um_per_px is None else field_box(image.width, image.height, um_per_px) or whole
        if image.size == (width_px, height_px) and box == whole:
            return rgb
        resized = image.convert("RGB").resize((width_px, height_px), Image.Resampling.BILINEAR, box)
        return np.asarray(resized, dtype=np.uint8)
