"""Which images can be classified, and how they are stored."""

import hashlib
from typing import Protocol

from idc_gateway.classifications import CheckedImage, Upload
from idc_gateway.errors import BodyTooLarge, EmptyBody, NotAnImage, UnusableImage
from idc_modelio import errors as patch_errors
from idc_modelio.patches import inspect_image


class ImageStore(Protocol):
    """Keeps images under their digests. Every method blocks, and raises ImagesUnavailable where the store is away."""

    def put(self, sha256: str, data: bytes) -> None:
        """Store an image; to store it again changes nothing."""

    def get(self, sha256: str) -> bytes | None:
        """An image's bytes; None where it is not there or is damaged."""

    def delete(self, sha256: str) -> None:
        """Delete an image, whether it is there or not."""


def digest_of(data: bytes) -> str:
    """The name under which an image is stored: SHA-256, hexadecimal."""
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
        upload.name,
        upload.data,
        header.width_px,
        header.height_px,
        f"image/{header.format.lower()}",
        upload.origin,
        upload.once_key,
    )


def _label(upload: Upload) -> str:
    return f"image {upload.name!r}" if upload.name else "the body"
