"""Backups: one tar file with a snapshot of the SQLite database, the images that it lists, and a table of contents.

The table of contents comes last: a truncated archive has none.
"""

import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

from idc_gateway.results.images import ImageStore

DATABASE: Final = "gateway.sqlite3"
CONTENTS: Final = "contents.json"
IMAGES: Final = "images/"
BACKUP_FOLDER: Final = ".backup-"
_LEFT_AFTER_S: Final = 24 * 3600.0


@dataclass(frozen=True)
class Contents:
    database_sha256: str
    images: int
    missing_images: int = 0
    """Listed, but missing in the image store."""


def write_backup(database: Path, images: ImageStore | None, target: IO[bytes]) -> Contents:
    """Write a backup, while a gateway may be running. Blocks.

    Args:
        database: The SQLite file.
        images: Where the images are; None where they are not stored.
        target: Where the archive goes; it need not be seekable.

    Raises:
        sqlite3.Error, ImagesUnavailable, OSError: The database, the images or the archive do not work.
    """
    remove_left(database.parent, BACKUP_FOLDER)
    # The system's temporary folder may be too small for a copy.
    with TemporaryDirectory(dir=database.parent, prefix=BACKUP_FOLDER) as folder:
        snapshot = Path(folder) / DATABASE
        _copy(database, snapshot)
        with tarfile.open(fileobj=target, mode="w|") as archive:
            archive.add(snapshot, DATABASE)
            stored, missing = _add_images(archive, snapshot, images)
            contents = Contents(file_digest(snapshot), stored, missing)
            _add(archive, CONTENTS, json.dumps(asdict(contents)).encode())
    return contents


def remove_left(folder: Path, prefix: str) -> None:
    """Remove the temporary folders of a killed process; a younger one may be in use."""
    for left in folder.glob(f"{prefix}*"):
        if time.time() - left.stat().st_mtime > _LEFT_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)


def _copy(database: Path, snapshot: Path) -> None:
    if not database.is_file():
        raise FileNotFoundError(f"there is no database {database}")
    with _open(database) as source, _open(snapshot) as copy:
        # In one step: it reads one moment and blocks no writer; in several, each write would restart it.
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _add_images(archive: tarfile.TarFile, snapshot: Path, images: ImageStore | None) -> tuple[int, int]:
    stored = missing = 0
    for name in _image_names(snapshot):
        data = images.get(name) if images is not None else None
        if data is None:
            missing += 1
        else:
            _add(archive, IMAGES + name, data)
            stored += 1
    return stored, missing


def _image_names(snapshot: Path) -> Iterator[str]:
    with _open(snapshot) as connection:
        for (name,) in connection.execute("SELECT object_name FROM images ORDER BY object_name"):
            yield str(name)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _open(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, timeout=60))


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
