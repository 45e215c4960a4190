"""Images in an S3 bucket, by obstore; and the choice between that and a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore, S3Store

from idc_gateway.errors import ImagesUnavailable
from idc_gateway.results.folder_images import open_folder
from idc_gateway.results.images import ImageStore, is_whole

if TYPE_CHECKING:
    from obstore.store import S3Config  # does not exist at run time

_CONNECT_TIMEOUT: Final = "3s"
_REQUEST_TIMEOUT: Final = "8s"
_MAX_RETRIES: Final = 1
_RETRY_WITHIN: Final = timedelta(seconds=10)
"""With these limits a server that hangs, or an unknown name, costs less than 20 s."""


class ObjectImages:
    """See `ImageStore`. An image's key is `<first two digits>/<name>`."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, name: str, data: bytes) -> None:
        with _translated_errors():
            obstore.put(self._store, _key(name), data)

    def has(self, name: str, data: bytes) -> bool:  # noqa: ARG002 - see `ImageStore`
        return False

    def get(self, name: str) -> bytes | None:
        try:
            with _translated_errors():
                data = bytes(obstore.get(self._store, _key(name)).bytes())
        except FileNotFoundError:
            return None
        return data if is_whole(name, data) else None

    def delete(self, name: str) -> None:
        try:
            with _translated_errors():
                obstore.delete(self._store, _key(name))
        except FileNotFoundError:
            return


def open_images(url: str, s3: "S3Config | None" = None) -> ImageStore:
    """Open the store that a URL names: `file:///var/lib/idc/images`, or `s3://bucket/prefix`.

    `s3` is obstore's; what it lacks comes from the environment (`AWS_…`) or the machine's role. Raises
    ImagesUnavailable where the URL is wrong, or the folder cannot be created.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc:
        return open_folder(Path(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _open_bucket(parts.netloc, parts.path.strip("/"), s3 or {})
    raise ImagesUnavailable(f"the image store {url[:128]!r} is unknown: use file:///folder or s3://bucket/prefix")


def _open_bucket(bucket: str, prefix: str, s3: "S3Config") -> ObjectImages:
    with _translated_errors():
        store = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={
                "allow_http": s3.get("endpoint", "").startswith("http://"),
                "connect_timeout": _CONNECT_TIMEOUT,
                "timeout": _REQUEST_TIMEOUT,
            },
            retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": _RETRY_WITHIN},
            config=s3,
        )
    return ObjectImages(store)


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as exc:
        # A missing bucket does not prove that an image was deleted.
        if isinstance(exc, NotFoundError | FileNotFoundError) and "NoSuchBucket" not in str(exc):
            raise FileNotFoundError(str(exc)) from exc
        raise ImagesUnavailable(f"the image store does not work: {str(exc).splitlines()[0][:200]}") from exc


def _key(name: str) -> str:
    return f"{name[:2]}/{name}"
