"""How images are stored."""

import hashlib
import secrets
from typing import Final, Protocol

DIGEST_DIGITS: Final = 64


class ImageStore(Protocol):
    """Keeps images under names that begin with their digests.

    Every method blocks, for a bounded time, and raises ImagesUnavailable where the store does not work.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store an image, durably when this returns. Storing it again changes nothing."""

    def has(self, name: str, data: bytes) -> bool:
        """Whether an image that was stored is still there, unharmed.

        False also where that is unknown, or costs as much as storing it again. Raises nothing.
        """

    def get(self, name: str) -> bytes | None:
        """An image's bytes; None where it is missing or damaged."""

    def delete(self, name: str) -> None:
        """Delete an image, whether it exists or not."""


def new_object_name(sha256: str) -> str:
    """A new name for an image: deleting an object by its old name cannot delete this one."""
    return f"{sha256}-{secrets.token_hex(6)}"


def is_whole(name: str, data: bytes) -> bool:
    """Whether these are the bytes that were stored under a name."""
    return image_digest(data) == name[:DIGEST_DIGITS]


def image_digest(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()
