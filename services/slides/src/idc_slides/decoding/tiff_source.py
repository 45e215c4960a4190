"""RGB TIFF and OME-TIFF that OpenSlide refuses, by tifffile."""

from pathlib import Path


def is_ome_tiff(path: Path) -> bool:
    return False


class TiffSource:
    def __init__(self, path: Path) -> None:
        from idc_slides.decoding.source import CannotRead

        raise CannotRead("unsupported-format", "not yet")
