"""Why a slide cannot be screened as it is.

SlideUnreadable        `code` and `detail` for the slide's record
├── SlideTimedOut (TimeoutError)
└── NeedsScale         a person can state the scale
"""


class SlideUnreadable(Exception):
    """The slide cannot be read; `detail` names the value and the remedy.

    Codes: `slide-not-found`, `outside-folder`, `unsupported-format`, `several-slides`, `not-brightfield`,
    `unreadable-slide`, `slide-too-large`, `slide-too-small`, `slide-too-costly` (the reader's limits of memory or of
    crashes).
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class SlideTimedOut(SlideUnreadable, TimeoutError):
    """Reading took longer than its limit; the worker was killed."""

    def __init__(self, detail: str) -> None:
        super().__init__("slide-timed-out", detail)


class NeedsScale(SlideUnreadable):
    """The scale is missing or implausible; the detail asks for it."""

    def __init__(self, detail: str) -> None:
        super().__init__("needs-scale", detail)
