"""The folder of compiled models, which make the next start fast."""

import logging
import shutil
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

KEPT_BUNDLES: Final = 4
"""The bundles used last; a compiled model takes about as much room as its weights."""


def folder_for(cache_dir: Path, sha256: str) -> Path | None:
    """Make one bundle's folder and remove those of bundles used long ago.

    Args:
        cache_dir: The parent of the folders.
        sha256: The bundle's digest.

    Returns:
        The folder; None where it cannot be written: the service then starts without.
    """
    folder = cache_dir / sha256[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.touch()
        others = [other for other in cache_dir.iterdir() if other.is_dir() and other != folder]
        others.sort(key=lambda other: other.stat().st_mtime, reverse=True)
        for other in others[KEPT_BUNDLES - 1 :]:
            shutil.rmtree(other)
    except OSError as exc:
        logger.warning("compiled models are not cached: %s", exc)
        return None
    return folder
