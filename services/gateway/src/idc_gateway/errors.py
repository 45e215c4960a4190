"""What can go wrong in the gateway; each error says which HTTP status tells it best.

GatewayError
├── BadInput (ValueError)
│   ├── BadCursor                    400
│   ├── EmptyBody                    400
│   ├── BadMultipart                 400
│   ├── NotAnImage                   415
│   ├── UnsupportedEncoding          415
│   ├── UnusableImage                422
│   └── WeakPassword                 422
├── BodyTooLarge                     413
├── Unauthenticated (PermissionError) 401
├── CrossSite (PermissionError)      403
├── Forbidden (PermissionError)      403
├── WrongPassword (PermissionError)  403
├── NotFound (LookupError)           404
├── AlreadyDone                      409
├── NameTaken                        409
├── LastAdministrator                409
├── TooMany                          429
├── KeyReused (ValueError)           422
├── Busy                             503
├── ImageGone                        never reaches a caller: the image is stored again
├── OutboxFull                       503
├── StoreUnavailable (OSError)       503
│   └── DatabaseTooNew               the service does not start
├── ImagesUnavailable (OSError)      503
└── InferenceError
    ├── InferenceUnavailable         503
    ├── InferenceRefused             422
    └── InferenceBroken              502
BusUnavailable (ConnectionError)     never reaches a caller: the outbox waits
CannotStart                          the service ends with one line
└── BadBackup
"""

from http import HTTPStatus
from typing import ClassVar, Self


class GatewayError(Exception):
    """Base of the errors that a caller is told of; the text names the value and the remedy."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    kind: ClassVar[str] = "internal-error"
    """Last part of the problem's `type` URI; it never changes."""
    headers: ClassVar[dict[str, str]] = {}

    def answer_headers(self) -> dict[str, str]:
        """Headers of the answer beside its type and length."""
        return self.headers


class BadInput(GatewayError, ValueError):
    """What was sent cannot be used."""

    status = HTTPStatus.BAD_REQUEST
    kind = "bad-input"


class BadCursor(BadInput):
    """The cursor of a list is not one of this gateway's."""

    kind = "bad-cursor"


class EmptyBody(BadInput):
    """There is no image in the request."""

    kind = "empty-body"


class BadMultipart(BadInput):
    """The multipart body is malformed, or has the wrong parts."""

    kind = "bad-multipart"


class NotAnImage(BadInput):
    """The bytes are no image of an allowed format."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    kind = "not-an-image"


class UnsupportedEncoding(BadInput):
    """The body is compressed."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    kind = "unsupported-encoding"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}


class UnusableImage(BadInput):
    """The image is damaged, or its size or colour is not that of a patch."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "unusable-image"


class WeakPassword(BadInput):
    """The password is easy to guess."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "weak-password"


class BodyTooLarge(GatewayError):
    """The body or one image in it has too many bytes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    kind = "body-too-large"
    headers: ClassVar[dict[str, str]] = {"Connection": "close"}  # what the client still sends is not read


class Unauthenticated(GatewayError, PermissionError):
    """No key, or a wrong one."""

    status = HTTPStatus.UNAUTHORIZED
    kind = "unauthenticated"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="idc-sentinel"'}


class CrossSite(GatewayError, PermissionError):
    """A signed-in browser was sent here by another site."""

    status = HTTPStatus.FORBIDDEN
    kind = "cross-site"


class Forbidden(GatewayError, PermissionError):
    """The caller is known and may not do this."""

    status = HTTPStatus.FORBIDDEN
    kind = "forbidden"


class WrongPassword(GatewayError, PermissionError):
    """The old password is missing or wrong; the session goes on."""

    status = HTTPStatus.FORBIDDEN
    kind = "wrong-password"


class NotFound(GatewayError, LookupError):
    """There is no such thing."""

    status = HTTPStatus.NOT_FOUND
    kind = "not-found"


class AlreadyDone(GatewayError):
    """A request with the same Idempotency-Key is being answered, or was."""

    status = HTTPStatus.CONFLICT
    kind = "already-done"


class NameTaken(GatewayError):
    """There is something of this name already."""

    status = HTTPStatus.CONFLICT
    kind = "name-taken"


class LastAdministrator(GatewayError):
    """Nobody would be left who may make users and keys."""

    status = HTTPStatus.CONFLICT
    kind = "last-administrator"


class TooMany(GatewayError):
    """The caller has asked, or failed to sign in, too often."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    kind = "too-many-requests"

    def __init__(self, text: str, *, retry_after_s: int) -> None:
        super().__init__(f"{text}: try again in {retry_after_s} s")
        self._retry_after_s = retry_after_s

    def answer_headers(self) -> dict[str, str]:
        """When another try may succeed."""
        return {"Retry-After": str(self._retry_after_s)}


class KeyReused(GatewayError, ValueError):
    """An Idempotency-Key came again with another request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "idempotency-key-reused"


class Busy(GatewayError):
    """As much is in progress as the gateway allows."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "busy"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "1"}


class StoreUnavailable(GatewayError, OSError):
    """The database cannot be read or written; nothing was stored."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "store-unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class DatabaseTooNew(StoreUnavailable):
    """A newer version of the program has changed the tables: this one must not touch them."""


class ImagesUnavailable(GatewayError, OSError):
    """The images cannot be read or written; nothing was stored."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "images-unavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "5"}


class ImageGone(GatewayError):
    """An image that was stored was removed before a new result of it could be written."""

    kind = "image-gone"


class OutboxFull(GatewayError):
    """So many messages wait for the broker that no more results are taken in."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "outbox-full"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "30"}


class InferenceError(GatewayError):
    """Base of what the inference service does wrong."""

    def again(self) -> Self:
        """The same error for another request."""
        return type(self)(str(self))


class InferenceUnavailable(InferenceError):
    """It does not answer, or not in time. Nothing was stored: the request can be sent again."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    kind = "inference-unavailable"

    def __init__(self, text: str, *, retry_after_s: int = 2, was_answered: bool = False) -> None:
        super().__init__(text)
        self._retry_after_s = retry_after_s
        self.was_answered = was_answered
        """Whether the server itself said that it has too much to do."""

    def again(self) -> Self:
        """The same error for another request."""
        return type(self)(str(self), retry_after_s=self._retry_after_s, was_answered=self.was_answered)

    def answer_headers(self) -> dict[str, str]:
        """When another try may succeed."""
        return {"Retry-After": str(self._retry_after_s)}


class InferenceRefused(InferenceError):
    """It took the request for wrong."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    kind = "inference-refused"


class InferenceBroken(InferenceError):
    """Its answer makes no sense."""

    status = HTTPStatus.BAD_GATEWAY
    kind = "inference-broken"


class BusUnavailable(ConnectionError):
    """The broker did not confirm a message."""


class MessageRefused(BusUnavailable):
    """The broker does not take this one message; the connection stands."""


class CannotStart(Exception):
    """The database or the first API key is not to be had."""


class BadBackup(CannotStart):
    """A backup is damaged, cut off, or not one."""
