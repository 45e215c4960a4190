"""Which images can be classified, and how they are stored."""

import hashlib
import re
import secrets
from typing import Final, Protocol

from idc_gateway.errors import BodyTooLarge, EmptyBody, NotAnImage, UnusableImage
from idc_gateway.results.classifications import CheckedImage, Upload
from idc_modelio import errors as patch_errors
from idc_modelio.patches import inspect_image

DIGEST_DIGITS: Final = 64
_FILE_NAME: Final = re.compile(rb"[\w ./\\:~-]{1,200}\.(png|jpe?g|tiff?|bmp|webp)", re.IGNORECASE)


class ImageStore(Protocol):
    """Keeps images under names that begin with their digests.

    Every method blocks, for a bounded time, and raises ImagesUnavailable where the store is away.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store an image: when this returns, a power cut loses it no more. To store it again changes nothing."""

    def get(self, name: str) -> bytes | None:
        """An image's bytes; None where it is not there or is damaged."""

    def delete(self, name: str) -> None:
        """Delete an image, whether it is there or not."""


def new_object_name(sha256: str) -> str:
    """A name for an image that no object has had: what is deleted under an old name cannot be this one."""
    return f"{sha256}-{secrets.token_hex(6)}"


def is_whole(name: str, data: bytes) -> bool:
    """Whether these are the bytes that were stored under a name."""
    return digest_of(data) == name[:DIGEST_DIGITS]


def digest_of(data: bytes) -> str:
    """SHA-256, hexadecimal: what tells an image from all others."""
    return hashlib.sha256(data).hexdigest()


def check_image(upload: Upload, max_bytes: int) -> CheckedImage:
    """Prove that an image can be decoded to a patch; its header is looked at before anything is decoded. Blocks.

    Raises:
        EmptyBody: There are no bytes.
        BodyTooLarge: There are more than `max_bytes`.
        NotAnImage: It is no image of an allowed format.
        UnusableImage: It is damaged, or its size or colour is not that of a patch.
    """
    if not upload.size_bytes:
        raise EmptyBody(f"{upload.label} is empty: send the bytes of one image")
    if upload.size_bytes > max_bytes:
        raise too_large(upload.label, upload.size_bytes, max_bytes)
    try:
        header = inspect_image(upload.data)
    except patch_errors.NotAnImage as exc:
        raise NotAnImage(f"{upload.label}: {exc}{_forgotten_at(upload.data)}") from exc
    except patch_errors.PatchError as exc:
        raise UnusableImage(f"{upload.label}: {exc}") from exc
    return CheckedImage(
        upload.name,
        upload.data,
        header.width_px,
        header.height_px,
        f"image/{header.format.lower()}",
        upload.origin,
        upload.once_key,
    )


def too_large(label: str, size_bytes: int | None, max_bytes: int) -> BodyTooLarge:
    """The error of an image that is longer than a patch can be; its size is None where not all of it was read."""
    has = "" if size_bytes is None else f"it has {size_bytes} bytes, and "
    return BodyTooLarge(
        f"{label} is too large: {has}a patch has at most {max_bytes} bytes; "
        "cut the patch out of it and send the patch alone"
    )


def _forgotten_at(data: bytes) -> str:
    """What to add where the body is a file's name."""
    if _FILE_NAME.fullmatch(data) is None:
        return ""
    return f": {data.decode()!r} is a file's name; in curl put @ before it, `--data-binary @{data.decode()}`"
