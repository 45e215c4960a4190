"""Errors of the inference service.

InferenceError
├── BadRequest (ValueError)          HTTP 400
├── UnknownModel (LookupError)       HTTP 404
├── RequestTooLarge (ValueError)     HTTP 413
├── UnsupportedEncoding (ValueError) HTTP 415
├── Busy                             HTTP 503
├── DeadlineExceeded (TimeoutError)  HTTP 503
├── EngineFailed (RuntimeError)      HTTP 500
│   └── DeviceUnavailable            HTTP 503
├── ChoiceNotKept (OSError)          HTTP 500
└── ModelUnavailable                 the service cannot start, or a version is refused
    └── DeviceMissing (LookupError)
"""


class InferenceError(Exception):
    """Base of this service's errors; the text is for the caller."""


class BadRequest(InferenceError, ValueError):
    """The request does not follow the protocol, or an image in it cannot be read."""


class UnknownModel(InferenceError, LookupError):
    """The model or version is not served."""


class RequestTooLarge(InferenceError, ValueError):
    """The request has more bytes or images than the service takes at once."""


class UnsupportedEncoding(InferenceError, ValueError):
    """The body is compressed."""


class Busy(InferenceError):
    """No more work is taken now."""


class DeadlineExceeded(InferenceError, TimeoutError):
    """The request was not finished in its time."""


class EngineFailed(InferenceError, RuntimeError):
    """The device failed."""


class DeviceUnavailable(EngineFailed):
    """The device hangs, is gone, or is being opened again: retry later."""

    def __init__(self, reason: str, remedy: str = "try again in a few seconds") -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason


class ChoiceNotKept(InferenceError, OSError):
    """The choice of a version cannot be written; nothing was changed."""


class ModelUnavailable(InferenceError):
    """No bundle can be served."""


class DeviceMissing(ModelUnavailable, LookupError):
    """Neither the requested device nor one of its fallbacks can run the model."""
