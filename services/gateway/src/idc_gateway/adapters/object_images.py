"""Images in a folder or an S3 bucket, by obstore."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, S3Store

from idc_gateway.errors import ImagesUnavailable
from idc_gateway.images import digest_of

if TYPE_CHECKING:
    from obstore.store import S3Config  # not there when the program runs

_MAX_RETRIES: Final = 2


@dataclass(frozen=True)
class S3Account:
    """How an S3 server is reached; what is empty comes from the environment (`AWS_…`) or the machine's role."""

    endpoint: str = ""
    """URL of a server that is not Amazon's."""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)

    def config(self) -> "S3Config":
        """What obstore takes."""
        config: S3Config = {}
        if self.endpoint:
            config["endpoint"] = self.endpoint
        if self.region:
            config["region"] = self.region
        if self.access_key_id:
            config["access_key_id"] = self.access_key_id
        if self.secret_access_key:
            config["secret_access_key"] = self.secret_access_key
        return config


class ObjectImages:
    """See `ImageStore`. An image's key is `<first two digits>/<digest>`, so that no folder grows too long."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, sha256: str, data: bytes) -> None:
        """Store an image; to store it again changes nothing."""
        with _told():
            obstore.put(self._store, _key(sha256), data)

    def get(self, sha256: str) -> bytes | None:
        """An image's bytes; None where it is not there or is damaged."""
        try:
            with _told():
                data = bytes(obstore.get(self._store, _key(sha256)).bytes())
        except FileNotFoundError:
            return None
        return data if digest_of(data) == sha256 else None

    def delete(self, sha256: str) -> None:
        """Delete an image, whether it is there or not."""
        try:
            with _told():
                obstore.delete(self._store, _key(sha256))
        except FileNotFoundError:
            return


def open_images(url: str, account: S3Account) -> ObjectImages:
    """Open the store that a URL names.

    Args:
        url: `file:///var/lib/idc/images`, or `s3://bucket/prefix`.
        account: For S3.

    Raises:
        ImagesUnavailable: The URL is wrong, or the folder cannot be made.
    """
    parts = urlsplit(url)
    with _told():
        if parts.scheme == "file" and not parts.netloc:
            return ObjectImages(LocalStore(Path(parts.path), mkdir=True))
        if parts.scheme == "s3" and parts.netloc:
            insecure = account.endpoint.startswith("http://")
            store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                client_options={"allow_http": insecure, "timeout": "10s"},
                retry_config={"max_retries": _MAX_RETRIES},
                config=account.config(),
            )
            return ObjectImages(store)
    raise ImagesUnavailable(f"the image store {url[:128]!r} is unknown: use file:///folder or s3://bucket/prefix")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as exc:
        raise FileNotFoundError(str(exc)) from exc
    except (BaseError, OSError) as exc:
        raise ImagesUnavailable(f"the image store does not work: {str(exc).splitlines()[0][:200]}") from exc


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"
