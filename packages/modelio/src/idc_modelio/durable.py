"""Writes that survive a power cut."""

import os
import tempfile
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file, readable for services of other accounts: it has the old content or the new, never a part.

    Args:
        path: The file; its folder is created if missing.
        content: All of it.

    Raises:
        OSError: It cannot be written; the file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=".", delete=False) as file:
        work = Path(file.name)
        try:
            file.write(content)
            work.chmod(0o644)
            file.flush()
            os.fsync(file.fileno())
            work.rename(path)
        except BaseException:
            work.unlink(missing_ok=True)
            raise
    sync(path.parent)
