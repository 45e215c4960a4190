"""The versions of a model that are served or refused, and the fingerprint of a folder that shows changes."""

from dataclasses import dataclass, field
from pathlib import Path

from idc_inference.models.served_model import ServedModel

Fingerprint = tuple[tuple[str, int, int, int], ...]
"""Path, size, modification time and inode of each file: it differs after any change."""


@dataclass(frozen=True)
class Versions:
    """The versions at one moment."""

    served: dict[int, ServedModel] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    """The reason, by version."""


def fingerprint(folder: Path) -> Fingerprint:
    """The fingerprint of a folder, without reading its files.

    Raises:
        OSError: It cannot be read, or a file went away meanwhile.
    """
    files = []
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        files.append((path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns, stat.st_ino))
    return tuple(files)
