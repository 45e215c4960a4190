"""Turns an encoded image into the patch that the model reads; the trainer and the services share it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,  # noqa: F401 - these imports register the five decoders; without them Pillow loads all it has
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from idc_modelio.errors import NotAnImage, PatchError, TruncatedImage, UnsupportedColour, UnsupportedSize

FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""The image formats that are read, by Pillow's names; no other decoder is ever started."""

MIN_SIDE_PX: Final = 10
MAX_SIDE_PX: Final = 512
"""A patch cut at the slide's edge is smaller than 50 px, one from a higher magnification larger; a slide is neither."""

MAX_ENCODED_BYTES: Final = 2 * MAX_SIDE_PX * MAX_SIDE_PX * 4
"""2 MiB: the largest patch uncompressed with alpha, and as much again for metadata. Decoders keep lists of metadata
that are many times the size of the file, so that the file must be small."""

MAX_JPEG_SCANS: Final = 100
"""An encoder writes about ten, and each scan costs a pass over the whole image. libtiff has the same limit."""

_LIMIT: Final = f"{MAX_SIDE_PX} x {MAX_SIDE_PX} px"
_JPEG_START: Final = b"\xff\xd8"
_JPEG_SCAN: Final = b"\xff\xda"

# Pillow's own reader of uncompressed TIFF decodes every strip that a file claims, 250,000 of 1 MiB in four minutes, and
# takes 16-bit planes for 8-bit ones. libtiff, which it uses for compressed files, decodes those that the image has.
TiffImagePlugin.READ_LIBTIFF = True


@dataclass(frozen=True)
class ImageHeader:
    """What an image says of itself."""

    format: str
    width_px: int
    height_px: int
    mode: str


@contextmanager
def _decoded(data: bytes) -> Iterator[Image.Image]:
    """One whole image, decoded and upright; whatever Pillow raises in the block comes out as a PatchError."""
    _check_bytes(data)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_header(image)
            image.load()
            _check_opaque(image)
            if "exif" in image.info:
                ImageOps.exif_transpose(image, in_place=True)
            yield image
    except PatchError:
        raise
    except UnidentifiedImageError as exc:
        raise NotAnImage("these bytes are not a PNG, JPEG, TIFF, BMP or WebP image") from exc
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise UnsupportedSize(f"the image has too many pixels: send one patch of at most {_LIMIT}") from exc
    except Exception as exc:
        # Damaged bytes lead Pillow's readers into TypeError, KeyError and more; no list of them would be complete.
        raise TruncatedImage(f"the image is damaged or ends early ({str(exc)[:120]}): export it again") from exc


def _check_bytes(data: bytes) -> None:
    if not data:
        raise NotAnImage("the image is empty: send the bytes of a PNG, JPEG, TIFF, BMP or WebP file")
    if len(data) > MAX_ENCODED_BYTES:
        raise UnsupportedSize(
            f"the image has {len(data)} bytes, more than {MAX_ENCODED_BYTES}: send one patch of at most {_LIMIT}"
        )
    if data.startswith(_JPEG_START) and data.count(_JPEG_SCAN) > MAX_JPEG_SCANS:
        raise TruncatedImage(f"the JPEG has more than {MAX_JPEG_SCANS} scans: export it again")


def _check_header(image: ImageFile.ImageFile) -> None:
    width_px, height_px = image.size
    if not (MIN_SIDE_PX <= width_px <= MAX_SIDE_PX and MIN_SIDE_PX <= height_px <= MAX_SIDE_PX):
        raise UnsupportedSize(
            f"the image is {width_px} x {height_px} px: "
            f"send one patch with sides from {MIN_SIDE_PX} to {MAX_SIDE_PX} px"
        )
    if image.mode not in ("RGB", "RGBA"):
        raise UnsupportedColour(f"the image's colour mode is {image.mode!r}: convert it to 8-bit RGB")
    # Pillow's names of such layouts: "RGB;16B", "BGR;15". It would cut 16 bits down to the upper 8, which are almost
    # black where a camera fills only 12 of them.
    if any(";1" in str(tile.args) for tile in image.tile):
        raise UnsupportedColour("the image does not have 8 bits a channel: convert it to 8-bit RGB")
    # not n_frames: to count the frames of a TIFF takes time that grows with the square of their number
    if getattr(image, "is_animated", False):
        raise UnsupportedColour("the image has several frames: send one frame")


def _check_opaque(image: Image.Image) -> None:
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise UnsupportedColour("the image has transparent pixels: flatten it to 8-bit RGB")


def inspect_image(data: bytes) -> ImageHeader:
    """Prove that an encoded image can be decoded to a patch, and say what it is.

    Raises:
        NotAnImage: The bytes are empty or of no allowed format.
        TruncatedImage: The image is damaged or ends early.
        UnsupportedColour: The image is not 8-bit RGB, has transparent pixels or several frames.
        UnsupportedSize: A side is outside of MIN_SIDE_PX-MAX_SIDE_PX, or the file is larger than MAX_ENCODED_BYTES;
            no pixel was decoded.
    """
    with _decoded(data) as image:
        return ImageHeader(str(image.format), image.width, image.height, image.mode)


def decode_patch(data: bytes, *, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Decode one encoded image to one patch.

    An image of another size is taken as one patch of the same field of view and scaled (Pillow's bilinear filter,
    which averages when it shrinks). An EXIF orientation is applied, so that the model sees what a viewer shows.

    Returns:
        RGB, uint8, shape (height_px, width_px, 3), values 0-255.

    Raises:
        NotAnImage: The bytes are empty or of no allowed format.
        TruncatedImage: The image is damaged or ends early.
        UnsupportedColour: The image is not 8-bit RGB, has transparent pixels or several frames.
        UnsupportedSize: A side is outside of MIN_SIDE_PX-MAX_SIDE_PX, or the file is larger than MAX_ENCODED_BYTES;
            no pixel was decoded.
    """
    with _decoded(data) as image:
        rgb = image.convert("RGB")
        if rgb.size != (width_px, height_px):
            rgb = rgb.resize((width_px, height_px), Image.Resampling.BILINEAR)
        return np.asarray(rgb, dtype=np.uint8)
