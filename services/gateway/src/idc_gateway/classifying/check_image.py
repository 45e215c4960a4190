"""Which images can be classified."""

import re
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from idc_contracts import Reason
from idc_contracts.bundle import PATCH
from idc_gateway.classifying.uploads import Upload
from idc_gateway.errors import BodyTooLarge, EmptyBody, NotAnImage, UnusableImage
from idc_gateway.inference.ports import EncodedImage
from idc_gateway.results.classifications import UNKNOWN_ORIGIN, PatchOrigin
from idc_gateway.results.images import image_digest
from idc_modelio import errors as patch_errors
from idc_modelio.field import field_box
from idc_modelio.patches import read_image


@dataclass(frozen=True)
class CheckedImage:
    """An image that can be decoded."""

    name: str
    data: bytes
    width_px: int
    height_px: int
    media_type: str
    origin: PatchOrigin = UNKNOWN_ORIGIN
    once_key: str | None = None
    patch: bytes | None = None
    """See `EncodedImage.patch`."""

    @property
    def encoded(self) -> EncodedImage:
        """What inference gets."""
        return EncodedImage(self.data, self.origin.um_per_px, self.patch)

    @cached_property
    def sha256(self) -> str:
        """Names the image wherever it is stored."""
        return image_digest(self.data)


_PATCH_SHAPE: Final = (PATCH.height_px, PATCH.width_px, 3)
_QUICK_BYTES: Final = 32 * 1024
_QUICK_SIDE_PX: Final = 128
_PNG_START: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"
_PNG_HEAD: Final = 33
"""Bytes of the signature and the chunk `IHDR`."""
_BOUNDED: Final = frozenset({b"IHDR", b"IDAT", b"IEND", b"bKGD", b"cHRM", b"gAMA", b"pHYs", b"sRGB", b"tIME"})
"""Chunks of a PNG that unpack to no more than their length, or than the sides say."""
_FILE_NAME: Final = re.compile(rb"[\w ./\\:~-]{1,200}\.(png|jpe?g|tiff?|bmp|webp)", re.IGNORECASE)


def check_image(upload: Upload, max_bytes: int) -> CheckedImage:
    """Prove that an image can be decoded to a patch; its header is checked before anything is decoded. Blocks.

    Raises:
        EmptyBody: There are no bytes.
        BodyTooLarge: There are more than `max_bytes`.
        NotAnImage: It is not an image of an allowed format.
        UnusableImage: It is damaged, or its size or colour is not that of a patch.
    """
    if not upload.size_bytes:
        raise EmptyBody(f"{upload.label} is empty: send the bytes of one image")
    if upload.size_bytes > max_bytes:
        raise too_large(upload.label, upload.size_bytes, max_bytes)
    try:
        header, pixels = read_image(upload.data)
    except patch_errors.NotAnImage as exc:
        raise NotAnImage(f"{upload.label}: {exc}{_forgotten_at(upload.data)}") from exc
    except patch_errors.PatchError as exc:
        raise UnusableImage(f"{upload.label}: {exc}") from exc
    is_patch = pixels.shape == _PATCH_SHAPE and upload.origin.um_per_px is None
    return CheckedImage(
        upload.name,
        upload.data,
        header.width_px,
        header.height_px,
        f"image/{header.format.lower()}",
        upload.origin,
        upload.once_key,
        pixels.tobytes() if is_patch else None,
    )


def reasons_of_scale(image: CheckedImage) -> tuple[Reason, ...]:
    """`unfamiliar`, where an image of a stated scale shows less than a training patch; else nothing."""
    um_per_px = image.origin.um_per_px
    if um_per_px is None or field_box(image.width_px, image.height_px, um_per_px) is not None:
        return ()
    return (Reason.UNFAMILIAR,)


def is_quick(data: bytes) -> bool:
    """Whether an image is checked in 0.1 ms, whatever it contains: a small PNG that cannot unpack to a lot."""
    if not _PNG_HEAD <= len(data) <= _QUICK_BYTES or not data.startswith(_PNG_START):
        return False
    if max(struct.unpack_from(">II", data, len(_PNG_START))) > _QUICK_SIDE_PX:
        return False
    place = 8
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind not in _BOUNDED:
            return False
        place += length + 12
    return True


def too_large(label: str, size_bytes: int | None, max_bytes: int) -> BodyTooLarge:
    """The error of an image that is longer than a patch can be; its size is None where not all of it was read."""
    has = "" if size_bytes is None else f"it has {size_bytes} bytes, and "
    return BodyTooLarge(
        f"{label} is too large: {has}a patch has at most {max_bytes} bytes; "
        "cut the patch out of it and send only the patch"
    )


def _forgotten_at(data: bytes) -> str:
    """What to add where the body is a file's name."""
    if _FILE_NAME.fullmatch(data) is None:
        return ""
    return f": {data.decode()!r} is a file name; in curl put @ before it, `--data-binary @{data.decode()}`"
