"""API keys in files: the first key, and the key for metrics."""

import asyncio
import logging
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path
from typing import Final

from idc_gateway import executors
from idc_gateway.access.digests import secret_digest
from idc_gateway.access.keys import Keyring
from idc_gateway.errors import Busy

logger = logging.getLogger(__name__)

MIN_LENGTH: Final = 32
CHECK_EVERY_S: Final = 2.0


class FileKey:
    """A key that is in no database and grants access to one thing. A changed file counts at once."""

    def __init__(self, path: Path | None) -> None:
        """Read the key; without a file no key matches. Raises as `read_key` does."""
        self._path = path
        self._version = _version(path)
        self._sha256 = None if path is None else secret_digest(read_key(path))

    def matches(self, secret: str) -> bool:
        version = _version(self._path)
        if self._path is not None and version not in (None, self._version):
            # A file that is being replaced, or holds no key, changes nothing.
            with suppress(OSError, ValueError):
                self._sha256, self._version = secret_digest(read_key(self._path)), version
        # Digests are compared: how far two of them agree tells nothing of the key.
        return self._sha256 is not None and compare_digest(secret_digest(secret), self._sha256)


async def follow_first_key(keyring: Keyring, path: Path, *, every_s: float = CHECK_EVERY_S) -> None:
    """Watch the file until cancelled; a new key in it replaces the first key, as when the bootstrap runs again."""
    accepted = _version(path)
    while True:
        await asyncio.sleep(every_s)
        version = _version(path)
        if version is None or version == accepted:
            continue
        try:
            is_valid = await executors.writes(keyring.set_first_key, read_key(path))
        except (OSError, Busy) as exc:  # the database too: the next check tries again
            logger.warning("the first API key is unchanged: %s", exc)
            continue
        except ValueError as exc:
            logger.warning("the first API key is unchanged: %s", exc)
        else:
            if is_valid:
                logger.info("the file of the first API key has changed: its new key is valid now")
        accepted = version


def read_key(path: Path) -> str:
    """The key in a file.

    Raises:
        OSError: The file cannot be read.
        ValueError: The key is too short.
    """
    secret = path.read_text().strip()
    if len(secret) < MIN_LENGTH:
        raise ValueError(f"{path} holds no API key: a key has at least {MIN_LENGTH} characters")
    return secret


def _version(path: Path | None) -> tuple[int, int, int] | None:
    """What changes with a file's content; None where there is no file."""
    try:
        status = path.stat() if path else None
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size) if status else None
