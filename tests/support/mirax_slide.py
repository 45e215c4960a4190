"""A slide as 3DHISTECH's scanners write it (MIRAX), as far as OpenSlide looks: a file and a folder beside it."""

import io
import struct
from configparser import RawConfigParser
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
SIDE_PX = 256
LEVELS = 3
_VERSION, _ID = "01.02", "0123456789ABCDEF0123456789ABCDEF"


def write_mrxs(path: Path, pixels: Pixels, um_per_px: float) -> Path:
    """Images of 256 px without overlap, in levels of half the size each.

    Args:
        path: Ends in `.mrxs`.
        pixels: RGB, shape (H, W, 3); white is added below and at the right.
        um_per_px: Of the finest level.

    Returns:
        `path`. The pixels are in the folder of its name without the end.
    """
    folder = path.with_suffix("")
    folder.mkdir()
    across, down = (-(-side // SIDE_PX) for side in pixels.shape[1::-1])
    glass = np.full((down * SIDE_PX, across * SIDE_PX, 3), 255, np.uint8)
    glass[: pixels.shape[0], : pixels.shape[1]] = pixels
    data, pages = bytearray(), []
    for level in range(LEVELS):
        items = []
        for x, y, jpeg in _images(glass, 2**level):
            items.append((y * across + x, len(data), len(jpeg), 0))
            data += jpeg
        pages.append(items)
    (folder / "Data0000.dat").write_bytes(data)
    (folder / "Index.dat").write_bytes(_index(pages))
    with (folder / "Slidedat.ini").open("w", encoding="utf-8-sig") as file:
        _description(across, down, um_per_px).write(file)
    path.write_bytes(b"")
    return path


def _images(glass: Pixels, joined: int) -> list[tuple[int, int, bytes]]:
    """Column and row of each image of a level, counted in images of the finest, and its JPEG."""
    reduced = np.asarray(Image.fromarray(glass).reduce(joined)) if joined > 1 else glass
    found = []
    for row in range(-(-len(reduced) // SIDE_PX)):
        for column in range(-(-reduced.shape[1] // SIDE_PX)):
            image = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
            part = reduced[row * SIDE_PX :, column * SIDE_PX :][:SIDE_PX, :SIDE_PX]
            image[: part.shape[0], : part.shape[1]] = part
            jpeg = io.BytesIO()
            Image.fromarray(image).save(jpeg, "JPEG", quality=95, subsampling=0)
            found.append((column * joined, row * joined, jpeg.getvalue()))
    return found


def _index(pages: list[list[tuple[int, int, int, int]]]) -> bytes:
    """Two roots, a pointer to each level, and for each level its one page: number, place, length and file of images."""
    head = (_VERSION + _ID).encode()
    levels = len(head) + 8
    place, pointers, body = levels + 4 * len(pages), [], b""
    for items in pages:
        pointers.append(place)
        page = struct.pack("<4i", 0, place + 8, len(items), 0) + b"".join(struct.pack("<4i", *item) for item in items)
        body += page
        place += len(page)
    return head + struct.pack(f"<{2 + len(pages)}i", levels, 0, *pointers) + body


def _description(across: int, down: int, um_per_px: float) -> RawConfigParser:
    found = RawConfigParser()
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found["GENERAL"] = {
        "SLIDE_VERSION": _VERSION,
        "SLIDE_ID": _ID,
        "IMAGENUMBER_X": str(across),
        "IMAGENUMBER_Y": str(down),
        "OBJECTIVE_MAGNIFICATION": "20",
    }
    found["HIERARCHICAL"] = {
        "HIER_COUNT": "1",
        "NONHIER_COUNT": "0",
        "INDEXFILE": "Index.dat",
        "HIER_0_NAME": "Slide zoom level",
        "HIER_0_COUNT": str(LEVELS),
        **{f"HIER_0_VAL_{level}_SECTION": f"LEVEL_{level}" for level in range(LEVELS)},
    }
    found["DATAFILE"] = {"FILE_COUNT": "1", "FILE_0": "Data0000.dat"}
    for level in range(LEVELS):
        found[f"LEVEL_{level}"] = {
            "IMAGE_CONCAT_FACTOR": str(min(level, 1)),
            "OVERLAP_X": "0",
            "OVERLAP_Y": "0",
            "MICROMETER_PER_PIXEL_X": str(um_per_px * 2**level),
            "MICROMETER_PER_PIXEL_Y": str(um_per_px * 2**level),
            "IMAGE_FILL_COLOR_BGR": "16777215",
            "DIGITIZER_WIDTH": str(SIDE_PX),
            "DIGITIZER_HEIGHT": str(SIDE_PX),
            "IMAGE_FORMAT": "JPEG",
        }
    return found
