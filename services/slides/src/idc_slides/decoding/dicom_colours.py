"""DICOM slides that are tagged RGB although their JPEG frames are YCbCr, as some converters write them."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image

PIXEL_DATA_TAG: Final = b"\xe0\x7f\x10\x00OB"
FIRST_BYTES: Final = 4 * 2**20
"""A DICOM header with its offset table is far shorter."""
JPEG_BASELINE: Final = "1.2.840.10008.1.2.4.50"


def has_ycbcr_frames_tagged_rgb(path: Path, properties: Mapping[str, str]) -> bool:
    """Whether the frames of this DICOM file are YCbCr although its tag says RGB.

    Args:
        path: The file with the finest level, or any of the slide: one converter wrote all.
        properties: As OpenSlide gives them.
    """
    if properties.get("dicom.TransferSyntaxUID") != JPEG_BASELINE:
        return False
    if properties.get("dicom.PhotometricInterpretation") != "RGB":
        return False
    with path.open("rb") as file:
        head = file.read(FIRST_BYTES)
    start = head.find(b"\xff\xd8\xff", max(head.find(PIXEL_DATA_TAG), 0))
    return start >= 0 and is_ycbcr_jpeg(head[start:])


def is_ycbcr_jpeg(frame: bytes) -> bool:
    """Whether a JPEG with three components is YCbCr, by libjpeg's rules: markers first, then components."""
    try:
        with Image.open(io.BytesIO(frame)) as jpeg:
            if jpeg.format != "JPEG" or jpeg.mode != "RGB":
                return False
            if "jfif" in jpeg.info:
                return True
            if "adobe_transform" in jpeg.info:
                return bool(jpeg.info["adobe_transform"] == 1)
            components = jpeg.layer  # type: ignore[attr-defined]
    except (OSError, ValueError, SyntaxError):
        return False
    return [component[0] for component in components] == [1, 2, 3] or any(
        component[1:3] != components[0][1:3] for component in components
    )
