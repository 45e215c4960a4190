"""What can go wrong. An error that callers see names its problem (RFC 9457): the HTTP status and the kind."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar


class SlidesError(Exception):
    """Base of the errors that callers see; the text names the value and the remedy."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    kind: ClassVar[str] = "internal-error"
    """Last part of the problem's `type` URI; it never changes."""
    headers: Mapping[str, str] = {}
    """Headers of the answer in addition to its type and length."""

    def __init_subclass__(
        cls, status: int | None = None, kind: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Set what a subclass states; the rest is as in its base."""
        super().__init_subclass__()
        cls.status = cls.status if status is None else HTTPStatus(status)
        cls.kind = kind or cls.kind
        cls.headers = cls.headers if headers is None else headers


class BadInput(SlidesError, ValueError, status=400, kind="bad-input"):
    """What was sent cannot be used."""


class BadCursor(BadInput, kind="bad-cursor"):
    """The cursor of a list is not one of this service's."""


class SlideRefused(BadInput, status=422, kind="slide-refused"):
    """The path or URL names nothing that may be screened."""


class NotFound(SlidesError, LookupError, status=404, kind="not-found"):
    """It does not exist."""


class WrongState(SlidesError, status=409, kind="wrong-state"):
    """The slide's state does not allow this."""


class UploadConflict(SlidesError, status=409, kind="upload-conflict"):
    """The offset is not where the upload stands, or another request writes to it."""


class UploadTooLarge(SlidesError, status=413, kind="body-too-large", headers={"Connection": "close"}):
    """The file is larger than the setting allows, or has more bytes than were announced."""


class UnsupportedMedia(SlidesError, status=415, kind="unsupported-media-type"):
    """The content type is not the one that is needed here."""


class UnsupportedTusVersion(SlidesError, status=412, kind="unsupported-tus-version", headers={"Tus-Version": "1.0.0"}):
    """The request does not speak tus 1.0.0."""


class NoRoom(SlidesError, OSError, status=507, kind="insufficient-storage"):
    """The disk, or the room for uploads and downloads, is full."""


class Busy(SlidesError, status=503, kind="busy", headers={"Retry-After": "2"}):
    """A limit on work in progress is reached."""


class StoreUnavailable(SlidesError, OSError, status=503, kind="store-unavailable", headers={"Retry-After": "5"}):
    """The database or the data folder cannot be read or written; nothing was stored."""


class DatabaseTooNew(StoreUnavailable):
    """A newer version of the program migrated the tables: this version must not touch them and does not start."""


class BucketUnavailable(SlidesError, OSError, status=503, kind="bucket-unavailable", headers={"Retry-After": "5"}):
    """The S3 server does not answer, or does not let this service read."""


class FolderUnavailable(SlidesError, OSError, status=503, kind="folder-unavailable", headers={"Retry-After": "5"}):
    """The watched folder is not there now, as where a share is not mounted: its slides wait."""


class InferenceUnavailable(ConnectionError):
    """Inference does not answer now: the slide waits and goes on."""


class SlideFailed(Exception):
    """The slide cannot be screened, and no wait changes that: its record says why."""

    def __init__(self, code: str, detail: str) -> None:
        """Take the reason.

        Args:
            code: Such as `unreadable-slide`.
            detail: Names the value and the remedy.
        """
        super().__init__(detail)
        self.code = code
        self.detail = detail


class LeaseLost(Exception):
    """The slide was cancelled or deleted, or another worker has it: this one must write nothing more of it."""


class Interrupted(Exception):
    """The service stops: the slide goes back to the queue."""


class CannotStart(Exception):
    """The service ends with one line: something that it needs cannot be opened."""
