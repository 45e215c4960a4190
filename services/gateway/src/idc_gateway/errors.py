"""What can go wrong in the gateway. Each error names its problem (RFC 9457): the HTTP status and the kind."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Self


class GatewayError(Exception):
    """Base of the errors that callers see; the text names the value and the remedy."""

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR
    kind: str = "internal-error"
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


# What the client still sends is dropped.
_CLOSE = {"Connection": "close"}


class BadInput(GatewayError, ValueError, status=400, kind="bad-input"):
    """What was sent cannot be used."""


class BadCursor(BadInput, kind="bad-cursor"):
    """The cursor of a list is not one of this gateway's."""


class EmptyBody(BadInput, kind="empty-body"):
    """There is no image in the request."""


class BadMultipart(BadInput, kind="bad-multipart"):
    """The multipart body is malformed, or has the wrong parts."""


class NotAnImage(BadInput, status=415, kind="not-an-image"):
    """The bytes are not an image of an allowed format."""


class UnsupportedEncoding(BadInput, status=415, kind="unsupported-encoding", headers=_CLOSE):
    """The body is compressed."""


class UnusableImage(BadInput, status=422, kind="unusable-image"):
    """The image is damaged, or its size or colour is not that of a patch."""


class WeakPassword(BadInput, status=422, kind="weak-password"):
    """The password is easy to guess."""


class BodyTooLarge(GatewayError, status=413, kind="body-too-large", headers=_CLOSE):
    """The body or one image in it has too many bytes."""


class Unauthenticated(
    GatewayError,
    PermissionError,
    status=401,
    kind="unauthenticated",
    headers={"WWW-Authenticate": 'Bearer realm="idc-sentinel"'},
):
    """No key, or a wrong one."""


class SessionEnded(Unauthenticated, kind="session-ended"):
    """The page's session has ended: by time, by signing out elsewhere, or by somebody."""


class CrossSite(GatewayError, PermissionError, status=403, kind="cross-site"):
    """Another site sent a signed-in browser here."""


class Forbidden(GatewayError, PermissionError, status=403, kind="forbidden"):
    """The caller is known but lacks the permission."""


class WrongPassword(GatewayError, PermissionError, status=403, kind="wrong-password"):
    """The old password is missing or wrong; the session continues."""


class NotFound(GatewayError, LookupError, status=404, kind="not-found"):
    """It does not exist."""


class FolderDeleted(GatewayError, status=410, kind="folder-deleted"):
    """The folder was deleted, and its id is not given again."""


class AlreadyDone(GatewayError, status=409, kind="already-done"):
    """A request with the same Idempotency-Key is in progress, or was answered."""


class NameTaken(GatewayError, status=409, kind="name-taken"):
    """The name is in use or reserved."""


class LastAdministrator(GatewayError, status=409, kind="last-administrator"):
    """Nobody would be left who may create users and keys."""


class TooMany(GatewayError, status=429, kind="too-many-requests"):
    """The caller sent too many requests, or failed to sign in too often."""

    def __init__(self, text: str, *, retry_after_s: int) -> None:
        super().__init__(f"{text}: try again in {retry_after_s} s")
        self.headers = {"Retry-After": str(retry_after_s)}


class KeyReused(GatewayError, ValueError, status=422, kind="idempotency-key-reused"):
    """An Idempotency-Key was sent with two different requests."""


class Busy(GatewayError, status=503, kind="busy", headers={"Retry-After": "1"}):
    """A limit on work in progress is reached."""


class StoreUnavailable(GatewayError, OSError, status=503, kind="store-unavailable", headers={"Retry-After": "5"}):
    """The database cannot be read or written; nothing was stored."""


class DatabaseTooNew(StoreUnavailable):
    """A newer version of the program migrated the tables: this version must not touch them and does not start."""


class ImagesUnavailable(GatewayError, OSError, status=503, kind="images-unavailable", headers={"Retry-After": "5"}):
    """The images cannot be read or written; nothing was stored."""


class ImageGone(GatewayError, kind="image-gone"):
    """A stored image was removed before a new result of it was written; it is stored again, and no caller sees this."""


class OutboxFull(GatewayError, status=503, kind="outbox-full", headers={"Retry-After": "30"}):
    """Too many messages wait for the broker: new results are rejected."""


class InferenceError(GatewayError):
    """Base of the inference service's failures."""

    def again(self) -> Self:
        return type(self)(str(self))


class InferenceUnavailable(InferenceError, status=503, kind="inference-unavailable"):
    """It does not answer, or not in time. Nothing was stored: the request can be sent again."""

    def __init__(self, text: str, *, retry_after_s: int = 2, was_answered: bool = False) -> None:
        super().__init__(text)
        self.headers = {"Retry-After": str(retry_after_s)}
        self.was_answered = was_answered
        """Whether the server itself answered that it is busy."""

    def again(self) -> Self:
        return type(self)(str(self), retry_after_s=int(self.headers["Retry-After"]), was_answered=self.was_answered)


class InferenceRefused(InferenceError, status=422, kind="inference-refused"):
    """It rejected the request."""


class VersionRefused(InferenceError, status=409, kind="version-refused"):
    """The version of the model cannot be chosen: nothing was changed."""


class InferenceBroken(InferenceError, status=502, kind="inference-broken"):
    """Its answer does not follow the protocol."""


class NoSlidesService(GatewayError, LookupError, status=404, kind="no-slides-service"):
    """This gateway is not connected to a slides service."""


class SlidesUnavailable(GatewayError, OSError, status=503, kind="slides-unavailable", headers={"Retry-After": "5"}):
    """The slides service does not answer, or not in time."""


class SlidesBroken(GatewayError, status=502, kind="slides-broken"):
    """Its answer does not follow the agreed form."""


class SlidesRefused(GatewayError):
    """The slides service rejected the request, or cannot do it now; its own problem is passed on."""

    def __init__(self, text: str, *, status: HTTPStatus, kind: str, headers: Mapping[str, str]) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind
        self.headers = headers


class BusUnavailable(ConnectionError):
    """The broker did not confirm a message. No caller sees it: the message stays in the outbox."""


class MessageRefused(BusUnavailable):
    """The broker rejected this one message; the connection is up."""


class CannotStart(Exception):
    """The service ends with one line: the database, the image store or the first API key cannot be read."""


class BadBackup(CannotStart):
    """A backup is damaged or truncated, or is not a backup."""
