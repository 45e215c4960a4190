"""From a request's body to uploaded images, part by part, so that a long body is never in memory whole."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from idc_gateway.classifications import PatchOrigin, Upload
from idc_gateway.errors import BadMultipart, EmptyBody
from idc_gateway.origins import origin_of, safe_name

PART_NAME: Final = "images"
MAX_IMAGES: Final = 10_000
"""The most that a setting can allow in one request."""
PART_IMAGES: Final = 64
"""So many images are classified and stored together: enough to keep inference busy, little to do again."""
PART_BYTES: Final = 4 * 1024 * 1024


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
    wire_bytes: int
    """What of the body is held for it."""


def is_multipart(content_type: str) -> bool:
    """Whether a body is a form."""
    return content_type.lower().startswith("multipart/")


async def multipart_uploads(
    pieces: AsyncIterator[bytes], content_type: str, origin: PatchOrigin, limits: UploadLimits
) -> AsyncIterator[UploadPart]:
    """The images of a form, in parts whose bounds follow from the form's content alone.

    Args:
        pieces: The body as it arrives.
        content_type: The request's header, with the form's boundary.
        origin: What the sender says of all of the images.
        limits: How much may come.

    Raises:
        BadMultipart: The form is malformed, ends early, or has other or too many parts.
        EmptyBody: There is no image.
    """
    form = _Form(_boundary(content_type), origin, limits)
    try:
        async for piece in pieces:
            for part in form.take(piece):
                yield part
        form.check_end()
    except ParserLimitReached as exc:
        raise BadMultipart(f"the form has too many or too large headers or parts: {exc}") from exc
    except (MultipartError, UnicodeError) as exc:
        raise BadMultipart(f"the multipart body cannot be read: {exc}. Send files named {PART_NAME!r}, whole") from exc
    if form.images or not form.count:
        yield form.cut()


def _boundary(content_type: str) -> str:
    kind, options = parse_options_header(content_type)
    boundary: str = options.get("boundary", "")
    if kind.lower() != "multipart/form-data" or not boundary:
        raise BadMultipart("send multipart/form-data with a boundary: every HTTP client's form upload makes one")
    return boundary


@dataclass
class _Form:
    boundary: str
    origin: PatchOrigin
    limits: UploadLimits
    images: list[Upload] = field(default_factory=list)
    count: int = 0
    _number: int = 0
    _wire_bytes: int = 0
    _image_bytes: int = 0
    _current: bytearray = field(default_factory=bytearray)
    _segment: MultipartSegment | None = None
    _parser: PushMultipartParser = field(init=False)

    def __post_init__(self) -> None:
        # One more than is allowed may begin, so that the refusal is ours and says the limit.
        self._parser = PushMultipartParser(self.boundary, max_segment_count=self.limits.max_images + 1)

    def take(self, piece: bytes) -> Iterator[UploadPart]:
        """Read on; yield each part that is complete."""
        self._wire_bytes += len(piece)
        for event in self._parser.parse(piece):
            if isinstance(event, MultipartSegment):
                self._begin(event)
            elif event is None:
                self._end_image()
                if len(self.images) >= PART_IMAGES or self._image_bytes >= self.limits.part_bytes:
                    yield self.cut()
            else:
                # Of an image that is too large one byte too many is kept: enough to refuse it alone.
                self._current += event[: self.limits.max_image_bytes + 1 - len(self._current)]

    def check_end(self) -> None:
        """Prove that the form came to its end."""
        self._parser.close()

    def cut(self) -> UploadPart:
        """What was read since the last part."""
        if not self.images:
            raise EmptyBody(f"the multipart body has no part {PART_NAME!r}: send one or many")
        part = UploadPart(self._number, self.count - len(self.images), self.images, self._wire_bytes)
        self._number += 1
        self.images, self._wire_bytes, self._image_bytes = [], 0, 0
        return part

    def _begin(self, segment: MultipartSegment) -> None:
        if segment.name != PART_NAME or segment.filename is None:
            raise BadMultipart(
                f"the multipart body has a part {(segment.name or '')[:64]!r}: send files named {PART_NAME!r} alone"
            )
        if self.count >= self.limits.max_images:
            raise BadMultipart(f"the form has more than {self.limits.max_images} images: send them in several requests")
        self._segment = segment
        self._current = bytearray()

    def _end_image(self) -> None:
        name = self._name()
        self.images.append(Upload(name, bytes(self._current), origin_of(name, self.origin)))
        self.count += 1
        self._image_bytes += len(self._current)
        self._current = bytearray()

    def _name(self) -> str:
        return safe_name((self._segment and self._segment.filename) or "")
