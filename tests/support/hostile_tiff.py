"""TIFF files whose tags tell lies."""

import struct
import zlib
from typing import Final

_SHORT, _LONG, _RATIONAL = 3, 4, 5
_IFD: Final = 8
_RESOLUTION: Final = 512
DATA: Final = 1024
"""Where 4 KiB of zeros begin, and end the file."""
JPEG, NONE, LZW, DEFLATE = 7, 1, 5, 8


def hostile_tiff(
    *,
    side_px: int = 5000,
    tile_px: int = 256,
    tiles: int = 1,
    offset: int = DATA,
    length: int = 100,
    compression: int = JPEG,
    next_ifd: int = 0,
) -> bytes:
    """An RGB TIFF of 20,000 px per cm (0.5 um per pixel), written by hand.

    Args:
        side_px: Width and height, as the file says.
        tile_px: Of its tiles, as the file says.
        tiles: How many tiles there are, as the file says; with more than one, `offset` and `length` tell where their
            lists are.
        offset: Of the tile.
        length: Of the tile in bytes.
        compression: As the file says.
        next_ifd: Where the next image is; 8 is this one again.
    """
    tags = [
        *((256, _LONG, 1, side_px), (257, _LONG, 1, side_px), (258, _SHORT, 1, 8), (259, _SHORT, 1, compression)),
        *((262, _SHORT, 1, 2), (277, _SHORT, 1, 3), (282, _RATIONAL, 1, _RESOLUTION), (283, _RATIONAL, 1, _RESOLUTION)),
        *((296, _SHORT, 1, 3), (322, _LONG, 1, tile_px), (323, _LONG, 1, tile_px)),
        *((324, _LONG, tiles, offset), (325, _LONG, tiles, length)),
    ]
    ifd = struct.pack("<H", len(tags))
    ifd += b"".join(struct.pack("<HHII", *tag[:3], tag[3] % 2**32) for tag in tags) + struct.pack("<I", next_ifd)
    head = (b"II*\0" + struct.pack("<I", _IFD) + ifd).ljust(_RESOLUTION, b"\0") + struct.pack("<II", 20_000, 1)
    return head.ljust(DATA, b"\0") + bytes(4096)


def bomb(size_bytes: int = 2**28) -> bytes:
    """Zeros, compressed a thousandfold."""
    return zlib.compress(bytes(size_bytes), 9)
