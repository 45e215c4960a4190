"""Has a running gateway take in another first key, when the bootstrap exchanged the file."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from idc_gateway import executors
from idc_gateway.access.keys import Keyring, file_version
from idc_gateway.errors import Busy

LOOK_EVERY_S: Final = 2.0

logger = logging.getLogger(__name__)


async def follow_first_key(keyring: Keyring, path: Path, *, every_s: float = LOOK_EVERY_S) -> None:
    """Look at the file again and again until cancelled; another key in it replaces the one before."""
    taken = file_version(path)
    while True:
        await asyncio.sleep(every_s)
        version = file_version(path)
        if version is None or version == taken:
            continue
        try:
            counts = await executors.writes(keyring.take_first_key, path)
        except (OSError, Busy) as exc:  # the database too: the next look tries again
            logger.warning("the first API key stays as it was: %s", exc)
            continue
        except ValueError as exc:
            logger.warning("the first API key stays as it was: %s", exc)
            taken = version
            continue
        if counts:
            logger.info("the file of the first API key has changed: the key in it is the one that counts")
        taken = version
