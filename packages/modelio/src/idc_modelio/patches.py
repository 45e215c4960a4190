"""Turns an encoded image into the patch that the model reads; the trainer and the services share it."""

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,  # noqa: F401 - these imports register the five decoders; without them Pillow loads all it has
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from idc_modelio.errors import NotAnImage, TruncatedImage, UnsupportedColour, UnsupportedSize

FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""The image formats that are read, by Pillow's names; no other decoder is ever started."""

MIN_SIDE_PX: Final = 10
MAX_SIDE_PX: Final = 512
"""A patch cut at the slide's edge is smaller than 50 px, one from a higher magnification larger; a slide is neither."""

_LIMIT: Final = f"{MAX_SIDE_PX} x {MAX_SIDE_PX} px"
_DAMAGED: Final = (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error)
"""What Pillow's format readers raise for a damaged image."""


@dataclass(frozen=True)
class ImageHeader:
    """What an image says of itself."""

    format: str
    width_px: int
    height_px: int
    mode: str


def _open(data: bytes) -> Image.Image:
    if not data:
        raise NotAnImage("the image is empty: send the bytes of a PNG, JPEG, TIFF, BMP or WebP file")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as exc:
        raise NotAnImage("these bytes are not a PNG, JPEG, TIFF, BMP or WebP image") from exc
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise UnsupportedSize(f"the image has too many pixels: send one patch of at most {_LIMIT}") from exc
    except _DAMAGED as exc:
        raise TruncatedImage(f"the image's header is damaged ({exc}): export it again") from exc
    return image


def _check(image: Image.Image) -> None:
    width_px, height_px = image.size
    if not (MIN_SIDE_PX <= width_px <= MAX_SIDE_PX and MIN_SIDE_PX <= height_px <= MAX_SIDE_PX):
        raise UnsupportedSize(
            f"the image is {width_px} x {height_px} px: "
            f"send one patch with sides from {MIN_SIDE_PX} to {MAX_SIDE_PX} px"
        )
    if image.mode not in ("RGB", "RGBA"):
        raise UnsupportedColour(f"the image's colour mode is {image.mode!r}: convert it to 8-bit RGB")
    if getattr(image, "n_frames", 1) != 1:
        raise UnsupportedColour(f"the image has {image.n_frames} frames: send one frame")  # type: ignore[attr-defined]


def _load(image: Image.Image) -> None:
    _check(image)
    try:
        image.load()
    except _DAMAGED as exc:
        raise TruncatedImage(f"the image is damaged or ends early ({exc}): export it again") from exc
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        raise UnsupportedColour("the image has transparent pixels: flatten it to 8-bit RGB")


def inspect_image(data: bytes) -> ImageHeader:
    """Prove that an encoded image can be decoded to a patch, and say what it is.

    Raises:
        NotAnImage: The bytes are empty or of no allowed format.
        TruncatedImage: The image is damaged or ends early.
        UnsupportedColour: The image is not 8-bit RGB, has transparent pixels or several frames.
        UnsupportedSize: A side is outside of MIN_SIDE_PX-MAX_SIDE_PX; no pixel was decoded.
    """
    with _open(data) as image:
        _load(image)
        return ImageHeader(str(image.format), image.width, image.height, image.mode)


def decode_patch(data: bytes, *, height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Decode one encoded image to one patch.

    An image of another size is taken as one patch of the same field of view and scaled (Pillow's bilinear filter,
    which averages when it shrinks).

    Returns:
        RGB, uint8, shape (height_px, width_px, 3), values 0-255.

    Raises:
        NotAnImage: The bytes are empty or of no allowed format.
        TruncatedImage: The image is damaged or ends early.
        UnsupportedColour: The image is not 8-bit RGB, has transparent pixels or several frames.
        UnsupportedSize: A side is outside of MIN_SIDE_PX-MAX_SIDE_PX; no pixel was decoded.
    """
    with _open(data) as image:
        _load(image)
        rgb = image.convert("RGB")
        if rgb.size != (width_px, height_px):
            rgb = rgb.resize((width_px, height_px), Image.Resampling.BILINEAR)
        return np.asarray(rgb, dtype=np.uint8)
