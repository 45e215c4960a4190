"""Names the kind of bytes that are not an image of an allowed format, by their first bytes."""

from typing import Final

_STARTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF-", "a PDF document"),
    (b"GIF8", "a GIF image, which has 256 colours at most"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"8BPS", "a Photoshop document"),
    (b"ZISRAWFILE", "a Zeiss CZI slide"),
    (b"P5", "a PGM image, which is grey"),
    (b"P6", "a PPM image"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"version https://git-lfs", "a Git LFS pointer, whose image was not fetched (`git lfs pull` fetches it)"),
    (b"data:image/", "a data URL, which is text"),
    (b"iVBORw0KGgo", "a PNG image as base64 text, which must be decoded first"),
    (b"/9j/", "a JPEG image as base64 text, which must be decoded first"),
)
_MARKUP: Final = (
    (b"<!doctype html", "an HTML page, perhaps the error page of a server"),
    (b"<html", "an HTML page, perhaps the error page of a server"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document"),
)
_BRANDS: Final = {b"heic": "a HEIC image", b"heix": "a HEIC image", b"mif1": "a HEIC image", b"avif": "an AVIF image"}
_DICOM_AT: Final = 128
_LOOKED_AT_BYTES: Final = 1024


def foreign_kind(data: bytes) -> str | None:
    """The kind of the bytes, as a noun; None for an image of an allowed format and for unknown bytes."""
    for start, kind in _STARTS:
        if data.startswith(start):
            return kind
    if data[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
        return "a DICOM file"
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video or an image of a phone (ISO media)")
    return _kind_of_text(data[:_LOOKED_AT_BYTES])


def _kind_of_text(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, kind in _MARKUP:
        if text.startswith(start):
            return "an SVG drawing" if b"<svg" in text else kind
    if not head.strip(b"\0"):
        return "only zeros, as in a file that was never written to the disk"
    if all(byte >= 0x20 or byte in b"\t\n\r\f" for byte in head) and _is_utf8(head):
        return "JSON text" if text[:1] in (b"{", b"[") else "text"
    return None


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as exc:
        return exc.reason == "unexpected end of data"  # the head was cut within a character
    return True
