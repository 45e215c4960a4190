"""What can go wrong in the inference service.

InferenceError
├── BadRequest (ValueError)          HTTP 400
├── UnknownModel (LookupError)       HTTP 404
├── RequestTooLarge (ValueError)     HTTP 413
├── Busy                             HTTP 503
├── EngineFailed (RuntimeError)      HTTP 500
└── ModelUnavailable                 the service cannot start
"""


class InferenceError(Exception):
    """Base of this service's errors; the text is for the caller."""


class BadRequest(InferenceError, ValueError):
    """The request does not follow the protocol, or an image in it cannot be read."""


class UnknownModel(InferenceError, LookupError):
    """Another model or version is served."""


class RequestTooLarge(InferenceError, ValueError):
    """The request has more bytes or images than the service takes at once."""


class Busy(InferenceError):
    """As many requests are in progress as the service allows."""


class EngineFailed(InferenceError, RuntimeError):
    """The device could not run the model."""


class ModelUnavailable(InferenceError):
    """No bundle is there that can be served."""
