"""Unsupported forms of the allowed formats, kept apart from damage so that the remedy is right."""

import io
from typing import Any, Final

from PIL.TiffImagePlugin import COMPRESSION_INFO, ImageFileDirectory_v2

_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
_BIG_TIFF: Final = 43
_COMPRESSION, _BITS = 259, 258
_TIFF_COMPRESSIONS: Final = {
    2: "fax",
    3: "fax",
    4: "fax",
    32809: "ThunderScan",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI Log",
    34677: "SGI Log",
    34712: "JPEG 2000",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_PLAIN_SOF: Final = (0xC0, 0xC1, 0xC2)
_NO_SOF: Final = (0xC4, 0xC8, 0xCC)


def format_of(data: bytes) -> str | None:
    """The allowed format of bytes, by their first bytes; None for any other."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return next((name for start, name in _STARTS if data.startswith(start)), None)


def unread_form(data: bytes) -> str | None:
    """The unsupported form of an unreadable file; None where it is unknown: the file may be damaged."""
    kind = format_of(data)
    if kind == "TIFF":
        return _tiff_form(data)
    return _jpeg_form(data) if kind == "JPEG" else None


def _tiff_form(data: bytes) -> str | None:
    tags = _tiff_tags(data)
    compression = tags.get(_COMPRESSION, 1)
    if compression in _TIFF_COMPRESSIONS or compression not in COMPRESSION_INFO:
        name = _TIFF_COMPRESSIONS.get(compression, f"an unknown compression (number {compression})")
        return f"this TIFF uses {name if compression not in _TIFF_COMPRESSIONS else name + ' compression'}"
    bits = set(tags.get(_BITS, (8,)))
    return None if bits == {8} else f"this TIFF has {' and '.join(map(str, sorted(bits)))} bits per channel"


def _tiff_tags(data: bytes) -> dict[int, Any]:
    """The tags of the first frame; empty where they cannot be read."""
    try:
        directory = ImageFileDirectory_v2(data[: 16 if _BIG_TIFF in data[2:4] else 8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        return {tag: directory[tag] for tag in (_COMPRESSION, _BITS) if tag in directory}
    except Exception:  # noqa: BLE001 - the file may be damaged in any way
        return {}


def _jpeg_form(data: bytes) -> str | None:
    """Read the frame header (ITU-T T.81, B.2.2), which follows segments that each state their length."""
    at = 2
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in _NO_SOF:
            if data[at + 4] != 8:
                return f"this JPEG has {data[at + 4]} bits per channel"
            return None if marker in _PLAIN_SOF else "this JPEG is lossless, hierarchical or coded arithmetically"
        if marker == 0xF7:
            return "this JPEG is coded as JPEG-LS"
        at += 2 + length
    return None
