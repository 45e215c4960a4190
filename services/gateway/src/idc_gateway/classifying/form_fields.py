"""The heads of a form's parts: file names in all notations of clients, and errors for wrong parts."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

PART_NAME: Final = "images"
MAX_HEADER_BYTES: Final = 32 * 1024
_LABELS: Final = ("patient", "slide", "x", "y", "um_per_px")
_EXTENDED: Final = re.compile(r";\s*filename\*\s*=\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<plain>[^;\s]*))", re.IGNORECASE)
_BARE: Final = re.compile(r";\s*filename\s*=\s*(?P<name>[^\";\s][^;]*)", re.IGNORECASE)
_UNREADABLE: Final = re.compile(r";\s*filename\s*=(?P<rest>[^;]*)", re.IGNORECASE)


class FormParser(PushMultipartParser):  # type: ignore[misc] # the package has no type information
    """Reads heads of parts byte by byte: no name that a client sends makes the form unreadable."""

    def __init__(self, boundary: str, *, max_segment_count: int) -> None:
        super().__init__(
            boundary,
            max_header_size=MAX_HEADER_BYTES,
            max_segment_count=max_segment_count,
            header_charset="latin-1",
        )
        self._head = b""

    def parse(self, chunk: bytes) -> Iterator[object]:
        """Read on. A head is read when it is whole: a line feed in a name would else depend on where the piece ends."""
        data = self._head + chunk
        begin = data.rfind(b"--" + self.boundary)
        is_open = begin >= 0 and len(data) - begin < 2 * MAX_HEADER_BYTES and b"\r\n\r\n" not in data[begin:]
        data, self._head = (data[:begin], data[begin:]) if is_open else (data, b"")
        if data:
            yield from super().parse(data)

    def finish(self) -> Iterator[object]:
        """Read the buffered rest, and prove that the form is complete.

        Raises:
            MultipartError: It did not.
        """
        if self._head:
            yield from super().parse(self._head)
        self.close()

    def _on_segment_headerline(self, line: bytes) -> None:
        try:
            super()._on_segment_headerline(line)
        except ParserLimitReached:
            raise
        except MultipartError:
            # A line break within a name, which RFC 7578 forbids, leaves the name's rest on a line of its own.
            return


def file_name_of(segment: MultipartSegment) -> str | None:
    """The name of the file that a part brings; None where the part is a field without a file.

    Clients write it in UTF-8 (WHATWG HTML), in a Windows code page, or as `filename*` (RFC 5987).
    """
    disposition: str = segment.header("Content-Disposition") or ""
    if (extended := _outside_quotes(_EXTENDED, disposition)) is not None:
        return _extended_value(extended["quoted"] or extended["plain"] or "")
    if (bare := _outside_quotes(_BARE, disposition)) is not None:
        return readable(bare["name"].strip().encode("latin-1"))
    if segment.filename is not None:
        return readable(segment.filename.encode("latin-1"))
    if (unreadable := _UNREADABLE.search(disposition)) is not None:
        return readable(unreadable["rest"].strip(' "').encode("latin-1"))
    return None


def _outside_quotes(pattern: re.Pattern[str], disposition: str) -> re.Match[str] | None:
    match = pattern.search(disposition)
    return match if match is not None and disposition.count('"', 0, match.start()) % 2 == 0 else None


def readable(name: bytes) -> str:
    """A name's text: UTF-8, or else the code page of western Windows; other bytes are marked."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp1252", "replace")


def wrong_name(segment: MultipartSegment) -> str:
    """The error for a file in a field of another name."""
    return (
        f"the form sends a file in the field {_shown(segment.name)}: send files in the field {PART_NAME!r}, "
        f"in curl `-F {PART_NAME}=@patch.png`"
    )


def wrong_field(segment: MultipartSegment, value: bytes) -> str:
    """The error for a field that is not a file."""
    if segment.name in _LABELS:
        return (
            f"the form has the field {segment.name!r}, which belongs in the address: "
            f"/api/v1/classifications?{segment.name}=…; send only files named {PART_NAME!r}"
        )
    if segment.name == PART_NAME:
        text = readable(value)
        return (
            f"the field {PART_NAME!r} holds the text {text[:64]!r} instead of a file: "
            f"in curl write `-F {PART_NAME}=@patch.png`, with @ before the file's name"
        )
    return (
        f"the form has the field {_shown(segment.name)}, which is not a file: send only files named {PART_NAME!r}; "
        f"{', '.join(_LABELS)} belong in the address"
    )


def _shown(name: str | None) -> str:
    return repr(readable((name or "").encode("latin-1"))[:64])


def _extended_value(value: str) -> str:
    charset, _, rest = value.partition("'")
    _, separator, encoded = rest.partition("'")
    data = unquote_to_bytes((encoded if separator else value).encode("latin-1"))
    if charset.lower() in ("iso-8859-1", "latin-1", "latin1"):
        return data.decode("latin-1")
    return readable(data)
