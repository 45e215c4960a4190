"""What can go wrong in the inference service.

InferenceError
├── BadRequest (ValueError)          HTTP 400
├── UnknownModel (LookupError)       HTTP 404
├── RequestTooLarge (ValueError)     HTTP 413
├── UnsupportedEncoding (ValueError) HTTP 415
├── Busy                             HTTP 503
├── DeadlineExceeded (TimeoutError)  HTTP 503
├── EngineFailed (RuntimeError)      HTTP 500
│   └── DeviceUnavailable            HTTP 503
└── ModelUnavailable                 the service cannot start, or a version is refused
    └── DeviceMissing (LookupError)
"""


class InferenceError(Exception):
    """Base of this service's errors; the text is for the caller."""


class BadRequest(InferenceError, ValueError):
    """The request does not follow the protocol, or an image in it cannot be read."""


class UnknownModel(InferenceError, LookupError):
    """Another model or version is served."""


class RequestTooLarge(InferenceError, ValueError):
    """The request has more bytes or images than the service takes at once."""


class UnsupportedEncoding(InferenceError, ValueError):
    """The body is compressed."""


class Busy(InferenceError):
    """As much work is in progress as the service allows."""


class DeadlineExceeded(InferenceError, TimeoutError):
    """The device did not get to the request in the time that the request has."""


class EngineFailed(InferenceError, RuntimeError):
    """The device could not run the model."""


class DeviceUnavailable(EngineFailed):
    """The device hangs, is gone, or is being opened again: a later try may succeed."""

    def __init__(self, reason: str, remedy: str = "try again in a few seconds") -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason


class ModelUnavailable(InferenceError):
    """No bundle is there that can be served."""


class DeviceMissing(ModelUnavailable, LookupError):
    """Neither the device that was asked for nor one of its fallbacks can run the model."""
