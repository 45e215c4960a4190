"""Images in a folder, each synced to the disk before it counts as stored."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

from idc_gateway.errors import ImagesUnavailable
from idc_gateway.results.images import is_whole

_LEFT_AFTER_S: Final = 3600.0
"""A younger file may be one that another gateway is writing."""


class FolderImages:
    """See `ImageStore`. An image's file is `<first two digits>/<name>`, so that no folder grows too long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Store an image; a power cut leaves the whole image or none."""
        path = self._path(name)
        with _translated_errors():
            if _content(path) != data:
                if not path.parent.is_dir():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    sync(self._folder)
                _write(path, data)
            sync(path.parent)

    def has(self, name: str, data: bytes) -> bool:
        try:
            return _content(self._path(name)) == data
        except OSError:
            return False

    def get(self, name: str) -> bytes | None:
        with _translated_errors():
            data = _content(self._path(name))
        return data if data is not None and is_whole(name, data) else None

    def delete(self, name: str) -> None:
        with _translated_errors():
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder.joinpath(name[:2], name)


def open_folder(folder: Path) -> FolderImages:
    """Open or create a folder, and remove incomplete files that a crash left there. Raises ImagesUnavailable."""
    with _translated_errors():
        folder.mkdir(parents=True, exist_ok=True)
        sync(folder.parent)
        for left in folder.glob("??/.*.part"):
            if time.time() - left.stat().st_mtime > _LEFT_AFTER_S:
                left.unlink(missing_ok=True)
    return FolderImages(folder)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Sync a file, or the names in a folder, without which a power cut may lose a synced file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ImagesUnavailable(f"the image store does not work: {exc.strerror or exc}") from exc
