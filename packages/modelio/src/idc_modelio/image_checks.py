"""The checks that make an image a patch, with error texts that name the remedy.

A remedy followed literally must lead to a patch that the model classifies rightly. A grey image converted to RGB, or a
transparent edge filled with black, decodes without an error and is classified wrongly, so no text recommends it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from idc_modelio.errors import (
    NotAnImage,
    PatchError,
    TruncatedImage,
    UnsupportedColour,
    UnsupportedForm,
    UnsupportedSize,
)
from idc_modelio.foreign import foreign_kind
from idc_modelio.image_forms import format_of, unread_form
from idc_modelio.limits import MAX_ENCODED_BYTES, MAX_JPEG_SCANS, MAX_SIDE_PX, MIN_SIDE_PX

_ALLOWED: Final = "PNG, JPEG, TIFF, BMP or WebP image"
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8"
_JPEG_SCAN: Final = b"\xff\xda"
_STAIN: Final = "the model reads the colours of an H&E stain, which are lost in it; no conversion restores them"
_EXPORT: Final = "export the patch from the slide again, as 8-bit RGB"
_COLOURLESS: Final = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_INK: Final = (25, 230)
"""Values between black edges and white glass, which may be grey all over."""
_GREY_LEVELS: Final = 16
"""An image without colour and with at least this many shades shows something; noise on glass has fewer."""
_GREY_SPREAD: Final = 3
"""How far apart the channels of a grey pixel may be after lossy compression. In each of 33,175 patches examined, some
pixel has 7 or more."""


def check_bytes(data: bytes) -> None:
    """Check the bytes before any decoder reads them.

    Raises:
        NotAnImage: They are empty or a recognised other kind of file.
        UnsupportedSize: There are too many.
        TruncatedImage: It is a JPEG with more scans than any encoder writes.
    """
    if not data:
        raise NotAnImage(f"the image is empty: send the bytes of a {_ALLOWED}")
    kind = None if data.startswith(_PNG_START) else foreign_kind(data)
    if kind is not None:
        raise NotAnImage(f"these bytes are not a {_ALLOWED}: they are {kind}")
    if data.startswith(_PNG_START[:4]) and not data.startswith(_PNG_START):
        # A PNG begins with both kinds of line ends so that this is seen.
        raise NotAnImage(
            "the PNG's line ends were changed on its way: send or copy it in binary (in curl --data-binary)"
        )
    if len(data) > MAX_ENCODED_BYTES:
        raise UnsupportedSize(
            f"the image has {len(data)} bytes, and a patch has at most {MAX_ENCODED_BYTES}: "
            "cut the patch out of it and send only the patch"
        )
    if data.startswith(_JPEG_START) and data.count(_JPEG_SCAN) > MAX_JPEG_SCANS:
        raise TruncatedImage(f"the JPEG has more than {MAX_JPEG_SCANS} scans: save it as PNG")


def check_header(image: ImageFile.ImageFile) -> None:
    """Check the header of an image before a pixel is decoded.

    Raises:
        UnsupportedSize: A side is too short or too long.
        UnsupportedColour: It is not 8-bit RGB, or has several frames.
    """
    width_px, height_px = image.size
    if not (MIN_SIDE_PX <= width_px <= MAX_SIDE_PX and MIN_SIDE_PX <= height_px <= MAX_SIDE_PX):
        raise UnsupportedSize(
            f"the image is {width_px} x {height_px} px, and a patch has sides from {MIN_SIDE_PX} to {MAX_SIDE_PX} px: "
            "cut one patch out of the slide (200 x 200 µm; 50 x 50 px at 4 µm per pixel), do not scale another image"
        )
    if image.mode not in ("RGB", "RGBA"):
        raise UnsupportedColour(_wrong_mode(image.mode))
    # Pillow's names of such layouts: "RGB;16B", "BGR;15". It would cut 16 bits down to the upper 8, which are almost
    # black where a camera fills only 12 of them.
    if any(";1" in str(tile.args) for tile in image.tile):
        raise UnsupportedColour(
            f"the image does not have 8 bits per channel: {_EXPORT}; a plain conversion darkens images of cameras that "
            "fill fewer bits than the file has"
        )
    # not n_frames: to count the frames of a TIFF takes time that grows with the square of their number
    if getattr(image, "is_animated", False):
        raise UnsupportedColour(
            "the image has several frames, as whole-slide files and animations have: save the one patch as PNG"
        )


def _wrong_mode(mode: str) -> str:
    if mode in _COLOURLESS:
        return f"the image is grey (mode {mode!r}): {_STAIN}; {_EXPORT}"
    if mode in ("P", "PA"):
        return f"the image has a palette (mode {mode!r}), which has changed the stain's colours: {_EXPORT}"
    return f"the image's colours are {mode}, which need the profile of a printer or scanner to become RGB: {_EXPORT}"


def check_opaque(image: Image.Image) -> None:
    """Check that no pixel is transparent.

    Raises:
        UnsupportedColour: Some are.
    """
    if not image.has_transparency_data:
        return
    least, most = image.convert("RGBA").getchannel("A").getextrema()
    if least == 255:
        return
    remedy = "crop it to the part that is opaque" if most == 255 else _EXPORT
    raise UnsupportedColour(
        f"the image has transparent pixels, where there is no tissue to read: {remedy}; "
        "filled with any colour, they would be read as tissue"
    )


def check_coloured(pixels: NDArray[np.uint8]) -> None:
    """Check that there is any colour. White glass, black edges and plain areas pass without.

    Args:
        pixels: RGB, shape (height, width, 3).

    Raises:
        UnsupportedColour: All pixels are grey, in many shades: a grey image was saved as RGB.
    """
    if not (_is_grey(pixels[len(pixels) // 2]) and _is_grey(pixels)):  # one row decides for most images
        return
    red = pixels[..., 0]
    darkest, lightest = _INK
    shades = np.unique(red[(red > darkest) & (red < lightest)])
    if len(shades) >= _GREY_LEVELS:
        raise UnsupportedColour(f"the image is grey, though saved as RGB: {_STAIN}; {_EXPORT}")


def _is_grey(pixels: NDArray[np.uint8]) -> bool:
    red, green, blue = (pixels[..., channel] for channel in range(3))
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return int((most - least).max()) <= _GREY_SPREAD


def unreadable(data: bytes) -> PatchError:
    """The error for bytes that no decoder can read."""
    kind = format_of(data)
    if kind is None:
        return NotAnImage(f"these bytes are not a {_ALLOWED}")
    form = unread_form(data)
    if form is not None:
        return UnsupportedForm(f"{form}, which is not supported: {_EXPORT}, as PNG or TIFF with LZW compression")
    return TruncatedImage(
        f"the {kind} is damaged or ends early, or is of an unusual kind: export or copy it from its source again"
    )
