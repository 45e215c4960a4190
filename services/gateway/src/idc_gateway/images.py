"""Which images can be classified, and how they are stored."""

import hashlib
import secrets
from typing import Final, Protocol

from idc_gateway.classifications import CheckedImage, Upload
from idc_gateway.errors import BodyTooLarge, EmptyBody, NotAnImage, UnusableImage
from idc_modelio import errors as patch_errors
from idc_modelio.patches import inspect_image

DIGEST_DIGITS: Final = 64


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
        UnusableImage: It is damaged, or its size or colour is none of a patch.
    """
    if not upload.data:
        raise EmptyBody(f"{_label(upload)} is empty: send the bytes of one image")
    if len(upload.data) > max_bytes:
        raise BodyTooLarge(f"{_label(upload)} is too large: a patch has at most {max_bytes} bytes")
    try:
        header = inspect_image(upload.data)
    except patch_errors.NotAnImage as exc:
        raise NotAnImage(f"{_label(upload)}: {exc}") from exc
    except patch_errors.PatchError as exc:
        raise UnusableImage(f"{_label(upload)}: {exc}") from exc
    return CheckedImage(
        upload.name, upload.data, header.width_px, header.height_px, f"image/{header.format.lower()}", upload.origin
    )


def _label(upload: Upload) -> str:
    return f"image {upload.name!r}" if upload.name else "the body"
