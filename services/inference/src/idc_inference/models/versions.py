"""Versions of a model: which are served, which were refused, and how to tell that one's folder changed."""

from dataclasses import dataclass, field
from pathlib import Path

from idc_inference.models.served_model import ServedModel

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Path, size, modification time and inode of each file: it differs when someone touched the folder."""


@dataclass(frozen=True)
class Versions:
    """What is served and what was refused at one moment."""

    served: dict[int, ServedModel] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    """Why, by version."""


def fingerprint(folder: Path) -> Fingerprint:
    """What tells that someone touched a folder, without reading its files.

    Raises:
        OSError: It cannot be read, or a file went away meanwhile.
    """
    files = []
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        files.append((path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(files)
