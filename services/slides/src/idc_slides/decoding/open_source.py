"""Chooses the reader of a file."""

from pathlib import Path

import openslide

from idc_slides.decoding.dicom_folder import open_dicom_folder
from idc_slides.decoding.openslide_source import OpenSlideSource
from idc_slides.decoding.source import CannotRead, Source
from idc_slides.decoding.tiff_source import TiffSource

FORMATS = "SVS, NDPI, MRXS, SCN, tiled TIFF, RGB OME-TIFF or DICOM whole slides"


def open_source(path: Path) -> Source:
    """Open a slide: by OpenSlide, or by tifffile what OpenSlide refuses, and OME-TIFF. A folder is a DICOM slide.

    Raises:
        CannotRead: Neither can read it.
    """
    if path.is_dir():
        return open_dicom_folder(path)
    try:
        slide = OpenSlideSource(path)
    except openslide.OpenSlideUnsupportedFormatError:
        if not is_tiff(path):
            raise CannotRead("unsupported-format", f"its format is not one of {FORMATS}") from None
        return TiffSource(path)
    if slide.is_ome:
        slide.close()
        return TiffSource(path)
    return slide


def is_tiff(path: Path) -> bool:
    """Whether the file begins as a TIFF or BigTIFF."""
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
