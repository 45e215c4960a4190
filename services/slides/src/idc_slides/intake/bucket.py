"""Slides in S3, by obstore: only where the administrator allowed the URL."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from idc_slides.errors import BucketUnavailable, SlideFailed, SlideRefused
from idc_slides.intake.kinds import ends_as_slide, is_dicom_name
from idc_slides.intake.stored_files import PART
from idc_slides.records.slides import FileState

if TYPE_CHECKING:
    from obstore.store import S3Config  # does not exist at run time

_PIECE_BYTES: Final = 4 * 1024 * 1024


class Bucket:
    """Reads objects of S3. Every use blocks."""

    def __init__(self, allowed: Sequence[str], config: "S3Config", *, max_bytes: int) -> None:
        """Prepare; nothing is sent yet.

        Args:
            allowed: Patterns of URLs that may be read, such as `s3://bucket/slides/*`.
            config: obstore's; what it lacks comes from the environment (`AWS_…`) or the machine's role.
            max_bytes: Largest object.
        """
        self._allowed, self._config, self._max_bytes = allowed, config, max_bytes

    def look(self, url: str) -> FileState:
        """The size of an object and when it changed.

        Raises:
            SlideRefused: The URL is not allowed, names no slide, or the object is too large.
            BucketUnavailable: The server does not answer, or does not allow it.
        """
        store, key = self._open(url)
        with _translated_errors(url):
            meta = obstore.head(store, key)
        if meta["size"] > self._max_bytes:
            raise SlideRefused(f"the object has {meta['size']} bytes, and at most {self._max_bytes} are allowed")
        return FileState(meta["size"], int(meta["last_modified"].timestamp() * 1000) * 1_000_000)

    def download(self, url: str, expected: FileState, target: Path, on_piece: Callable[[int], None]) -> None:
        """Download an object; the target appears when it is whole.

        Args:
            url: The object's.
            expected: As `look` gave it.
            target: Where it goes.
            on_piece: Called with the number of bytes so far.

        Raises:
            SlideFailed: The object has changed or is gone.
            SlideRefused: The URL is not allowed any more.
            BucketUnavailable: The server does not answer, or does not allow it.
            OSError: The file cannot be written.
        """
        part = target.with_name(f"{PART}{uuid4().hex}")  # another worker, whose hold has run out, may be at it, too
        try:
            with part.open("xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._download(url, expected, file, on_piece)
                part.rename(target)
        finally:
            part.unlink(missing_ok=True)  # on a full disk, what there is of it would take room for nothing

    def _download(self, url: str, expected: FileState, file: IO[bytes], on_piece: Callable[[int], None]) -> None:
        store, key = self._open(url)
        size = 0
        with _translated_errors(url):
            pieces = iter(obstore.get(store, key).stream(min_chunk_size=_PIECE_BYTES))
        while size <= expected.size_bytes:
            with _translated_errors(url):
                piece = next(pieces, None)
            if piece is None:
                break
            size += len(piece)
            file.write(piece)
            on_piece(size)
        file.flush()
        os.fsync(file.fileno())
        if size != expected.size_bytes or self.look(url) != expected:
            raise SlideFailed("slide-changed", f"the object {url} changed while it was read: queue it again")

    def _open(self, url: str) -> tuple[S3Store, str]:
        parts = urlsplit(url)
        key = parts.path.lstrip("/")
        if parts.scheme != "s3" or not parts.netloc or not key or ".." in PurePosixPath(key).parts:
            raise SlideRefused(f"the URL {url[:128]!r} names no object: give s3://bucket/folder/slide.svs")
        if not any(fnmatchcase(f"s3://{parts.netloc}/{key}", pattern) for pattern in self._allowed):
            raise SlideRefused(f"the URL {url[:128]!r} is not allowed: an administrator allows it by SLIDES_S3_ALLOWED")
        if is_dicom_name(key) or key.lower().endswith(".mrxs") or not ends_as_slide(key):
            raise SlideRefused("give the URL of a slide that is one file: .svs, .tiff, .ndpi, .scn, …")
        return _store(parts.netloc, self._config), key


def s3_config(settings: Mapping[str, str]) -> "S3Config":
    """Obstore's configuration without what is not set."""
    return {name: value for name, value in settings.items() if value}  # type: ignore[return-value]


def _store(bucket: str, config: "S3Config") -> S3Store:
    with _translated_errors(f"s3://{bucket}"):
        return S3Store(
            bucket,
            client_options={
                "allow_http": config.get("endpoint", "").startswith("http://"),
                "connect_timeout": "3s",
                "timeout": "60s",
            },
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=20)},
            config=config,
        )


@contextmanager
def _translated_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as exc:
        raise SlideRefused(f"there is no object {url[:256]}") from exc
    except (BaseError, PermissionError, ValueError) as exc:
        reason = str(exc).splitlines()[0][:200]
        raise BucketUnavailable(f"the S3 server does not give {url[:256]}: {reason}") from exc
