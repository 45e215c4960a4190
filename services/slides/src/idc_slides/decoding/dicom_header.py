"""The first elements of a DICOM file: what it is, and which slide it belongs to (DICOM PS3.5, PS3.10)."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MAGIC: Final = b"DICM"
PREAMBLE_BYTES: Final = 128
FIRST_BYTES: Final = 64 * 2**10
"""What is asked for comes before the pixels and before colour profiles."""
MEDIA_STORAGE_SOP_CLASS: Final = 0x0002_0002
TRANSFER_SYNTAX: Final = 0x0002_0010
IMAGE_TYPE: Final = 0x0008_0008
SERIES_INSTANCE: Final = 0x0020_000E
WANTED: Final = (MEDIA_STORAGE_SOP_CLASS, IMAGE_TYPE, SERIES_INSTANCE)
PIXEL_DATA: Final = b"\xe0\x7f\x10\x00"
IMPLICIT_LITTLE_ENDIAN: Final = b"1.2.840.10008.1.2"
LONG_LENGTHS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
DELIMITERS: Final = 0xFFFE
ENDS: Final = (0xFFFE_E00D, 0xFFFE_E0DD)
UNDEFINED: Final = 0xFFFF_FFFF


def dicom_header(file: Path) -> dict[int, str] | None:
    """The texts of a DICOM file by their tags, up to the series; None if it is not DICOM.

    What is damaged is missing; of a file that ends before its pixels the series is.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as opened:
        head = opened.read(FIRST_BYTES)
    if head[PREAMBLE_BYTES:][:4] != MAGIC:
        return None
    found: dict[int, str] = {}
    with suppress(struct.error):
        for tag, value in _elements(head, PREAMBLE_BYTES + len(MAGIC)):
            if tag in WANTED:
                found[tag] = value.rstrip(b"\0 ").decode("ascii", "replace")
            if tag >= SERIES_INSTANCE:
                break
    if len(head) < FIRST_BYTES and PIXEL_DATA not in head:
        found.pop(SERIES_INSTANCE, None)
    return found


def _elements(head: bytes, place: int) -> Iterator[tuple[int, bytes]]:
    """The elements outside sequences, in their order, as far as they are whole. Raises struct.error at the end."""
    depth, is_implicit = 0, False
    while True:
        group, element = struct.unpack_from("<HH", head, place)
        tag = group << 16 | element
        length, place = _length(head, place + 4, is_plain=group == DELIMITERS or (is_implicit and group > 2))
        if tag in ENDS:
            depth -= 1
        elif length == UNDEFINED:
            depth += 1
        else:
            value = head[place : place + length]
            place += length
            if tag == TRANSFER_SYNTAX:
                is_implicit = value.rstrip(b"\0 ") == IMPLICIT_LITTLE_ENDIAN
            if depth == 0 and len(value) == length:
                yield tag, value


def _length(head: bytes, place: int, *, is_plain: bool) -> tuple[int, int]:
    """An element's length, and where its value begins; `is_plain` where no type is written before the length."""
    if is_plain:
        return struct.unpack_from("<I", head, place)[0], place + 4
    if head[place : place + 2] in LONG_LENGTHS:
        return struct.unpack_from("<I", head, place + 4)[0], place + 8
    return struct.unpack_from("<H", head, place + 2)[0], place + 4
