"""The limits of one patch."""

from typing import Final

FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""The supported image formats, by Pillow's names; no other decoder is started."""

MIN_SIDE_PX: Final = 10
MAX_SIDE_PX: Final = 512
"""A patch cut at the slide's edge is smaller than 50 px, one from a higher magnification larger; a slide is neither."""

MAX_ENCODED_BYTES: Final = 2 * MAX_SIDE_PX * MAX_SIDE_PX * 4
"""2 MiB: the largest patch uncompressed with alpha, and as much again for metadata. Decoders keep lists of metadata
that are many times the size of the file, so the file must be small."""

MAX_JPEG_SCANS: Final = 100
"""An encoder writes about ten; each scan costs a pass over the whole image. libtiff has the same limit."""
