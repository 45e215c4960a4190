"""From a request's body to uploaded images, part by part, so that a long body is never in memory whole."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, parse_options_header

from idc_gateway.classifying.form_fields import (
    MAX_HEADER_BYTES,
    PART_NAME,
    FormParser,
    file_name_of,
    wrong_field,
    wrong_name,
)
from idc_gateway.classifying.origins import origin_of, safe_name
from idc_gateway.errors import BadMultipart, EmptyBody
from idc_gateway.results.classifications import UNKNOWN_ORIGIN, PatchOrigin


@dataclass(frozen=True)
class Upload:
    """One image as it came in."""

    name: str
    data: bytes
    """Empty where the image is too large: it is refused, and not kept."""
    origin: PatchOrigin = UNKNOWN_ORIGIN
    dropped_bytes: int = 0
    """What of it was not kept."""
    place: str = "the body"
    """Where in the request it was, for texts about an image without a name."""
    once_key: str | None = None
    """Names the image in its series, where it belongs to one."""

    @property
    def size_bytes(self) -> int:
        """How long it was as it was sent."""
        return len(self.data) + self.dropped_bytes

    @property
    def label(self) -> str:
        """What a text calls it."""
        return f"image {self.name!r}" if self.name else self.place


MAX_IMAGES: Final = 10_000
"""The most that a setting can allow in one request."""
PART_IMAGES: Final = 64
"""So many images are classified and stored together: enough to keep inference busy, little to do again."""
PART_BYTES: Final = 4 * 1024 * 1024
_SHOWN_CHARACTERS: Final = 64
"""Of a field that is not a file, in the text that refuses it."""


@dataclass(frozen=True)
class UploadLimits:
    """How much one request may bring."""

    max_images: int
    max_image_bytes: int
    part_bytes: int = PART_BYTES
    """A part ends after so many bytes of images."""


@dataclass(frozen=True)
class UploadPart:
    """Some images of one request that are handled together."""

    number: int
    """0 for the first."""
    first_index: int
    """The place of its first image among all images of the request."""
    uploads: list[Upload]
    held_bytes: int
    """What is in memory for it."""


def is_multipart(content_type: str) -> bool:
    """Whether a body is a form."""
    return content_type.lower().startswith("multipart/")


async def multipart_uploads(
    pieces: AsyncIterator[bytes],
    content_type: str,
    origin: PatchOrigin,
    limits: UploadLimits,
    on_dropped: Callable[[int], None] = lambda _bytes: None,
) -> AsyncIterator[UploadPart]:
    """The images of a form, in parts whose bounds depend only on the form's content.

    Args:
        pieces: The body as it arrives.
        content_type: The request's header, with the form's boundary.
        origin: The sender's labels for all of the images.
        limits: How much may come.
        on_dropped: Told, after each piece, how many bytes of what came are in memory no more: heads of parts, what lies
            before, between and behind them, and images that are too large.

    Raises:
        BadMultipart: The form is malformed, ends early, or has other or too many parts.
        EmptyBody: There is no image.
    """
    form = _Form(_boundary(content_type), origin, limits)
    try:
        async for piece in pieces:
            for part in form.take(piece):
                yield part
            on_dropped(form.newly_dropped())
        for part in form.finish():
            yield part
    except ParserLimitReached as exc:
        raise BadMultipart(
            f"a part of the form has a head of more than {MAX_HEADER_BYTES} bytes, or too many headers: "
            "send files with shorter names"
        ) from exc
    except MultipartError as exc:
        raise BadMultipart(
            f"the form is malformed or was truncated after {form.count} complete files: "
            f"send complete multipart/form-data with files named {PART_NAME!r}"
        ) from exc
    if form.images or not form.count:
        yield form.cut()


def _boundary(content_type: str) -> str:
    kind, options = parse_options_header(content_type)
    boundary: str = options.get("boundary", "")
    if kind.lower() != "multipart/form-data" or not boundary:
        raise BadMultipart(
            "the header Content-Type has no boundary, or is not multipart/form-data: let your HTTP client set it when "
            "it uploads a form"
        )
    return boundary


@dataclass
class _Form:
    boundary: str
    origin: PatchOrigin
    limits: UploadLimits
    images: list[Upload] = field(default_factory=list)
    count: int = 0
    _number: int = 0
    _received_bytes: int = 0
    _kept_bytes: int = 0
    """Of all images so far, those that were handed on among them."""
    _dropped_bytes: int = 0
    """Those that `newly_dropped` has returned."""
    _image_bytes: int = 0
    _current: bytearray = field(default_factory=bytearray)
    _current_bytes: int = 0
    """Bytes of the current image so far; more than `_current` if it is too large."""
    _segment: MultipartSegment | None = None
    _parser: FormParser = field(init=False)

    def __post_init__(self) -> None:
        # One more than is allowed may begin, so that the error is ours and names the limit.
        self._parser = FormParser(self.boundary, max_segment_count=self.limits.max_images + 1)

    def take(self, piece: bytes) -> Iterator[UploadPart]:
        """Read on; yield each part that is complete."""
        self._received_bytes += len(piece)
        return self._handle(self._parser.parse(piece))

    def finish(self) -> Iterator[UploadPart]:
        """Read the form's end; yield each part that is complete."""
        return self._handle(self._parser.finish())

    def _handle(self, events: Iterator[object]) -> Iterator[UploadPart]:
        for event in events:
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event is None:
                self._end_image()
                if len(self.images) >= PART_IMAGES or self._image_bytes >= self.limits.part_bytes:
                    yield self.cut()
            elif isinstance(event, bytes):
                self._keep(event)

    def newly_dropped(self) -> int:
        """How many bytes were dropped since the last call."""
        # What the parser holds of an incomplete head counts as dropped: some KiB, and only until the next piece.
        dropped_bytes = self._received_bytes - self._kept_bytes
        newly = max(0, dropped_bytes - self._dropped_bytes)
        self._dropped_bytes += newly
        return newly

    def cut(self) -> UploadPart:
        """What was read since the last part."""
        if not self.images:
            raise EmptyBody(
                f"the form has no file {PART_NAME!r}: send one or more, `-F {PART_NAME}=@patch.png` in curl"
            )
        part = UploadPart(self._number, self.count - len(self.images), self.images, self._image_bytes)
        self._number += 1
        self.images, self._image_bytes = [], 0
        return part

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        self._current, self._current_bytes = bytearray(), 0
        if file_name_of(segment) is None:
            return  # rejected at its end, when its value is known
        if segment.name != PART_NAME:
            raise BadMultipart(wrong_name(segment))
        if self.count >= self.limits.max_images:
            raise BadMultipart(f"the form has more than {self.limits.max_images} images: send them in several requests")

    def _keep(self, data: bytes) -> None:
        """Keep the outcome of an image; one that is too large is rejected by itself."""
        self._current_bytes += len(data)
        if self._current_bytes <= self.limits.max_image_bytes:
            self._current += data
            self._kept_bytes += len(data)
        else:
            self._kept_bytes -= len(self._current)
            self._current = bytearray()

    def _end_image(self) -> None:
        assert self._segment is not None  # noqa: S101 - the parser begins each part
        given = file_name_of(self._segment)
        if given is None:
            raise BadMultipart(wrong_field(self._segment, bytes(self._current[:_SHOWN_CHARACTERS])))
        name, data = safe_name(given), bytes(self._current)
        place = f"image {self.count} of the form"
        self.images.append(Upload(name, data, origin_of(name, self.origin), self._current_bytes - len(data), place))
        self.count += 1
        self._image_bytes += len(data)
        self._current = bytearray()
