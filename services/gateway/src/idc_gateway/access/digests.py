"""Random secrets, and the digests that are stored of them.

Keys, links and session tokens have 256 random bits, so that a plain SHA-256 digest is enough: nobody can guess them. A
digest is looked up whole, and the time that takes reveals nothing of the secret.
"""

import hashlib
import secrets
from typing import Final

MAX_SECRET_LENGTH: Final = 256


def new_secret(prefix: str = "") -> str:
    """A secret that nobody can guess; with a prefix, scanners find leaked ones."""
    return prefix + secrets.token_urlsafe(32)


def secret_digest(secret: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_plausible(secret: str) -> bool:
    """Whether it is worth a query."""
    return 0 < len(secret) <= MAX_SECRET_LENGTH
