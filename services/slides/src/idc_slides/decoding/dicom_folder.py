"""The slide in a folder of DICOM files, which may hold reports, indexes and damaged files, too."""

from collections import defaultdict
from pathlib import Path
from typing import Final

import openslide

from idc_slides.decoding.dicom_header import IMAGE_TYPE, MEDIA_STORAGE_SOP_CLASS, SERIES_INSTANCE, dicom_header
from idc_slides.decoding.openslide_source import OpenSlideSource
from idc_slides.decoding.source import CannotRead

WHOLE_SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
"""VL Whole Slide Microscopy Image Storage."""
BESIDE_TISSUE: Final = frozenset({"LABEL", "OVERVIEW", "LOCALIZER", "THUMBNAIL"})
"""What an image shows, by the third value of its type, if it is not a level of the slide."""


def open_dicom_folder(folder: Path) -> OpenSlideSource:
    """Open the one slide of a folder.

    Raises:
        CannotRead: There is none, there are several, or it cannot be opened.
    """
    by_series, damaged = _whole_slides(folder)
    if len(by_series) > 1:
        names = ", ".join(repr(files[0].name[:64]) for files in list(by_series.values())[:3])
        raise CannotRead(
            "several-slides",
            f"the folder holds {len(by_series)} slides, such as {names}: give each a folder of its own",
        )
    reason = "it holds no DICOM whole slide"
    for file in (*next(iter(by_series.values()), ()), *damaged):
        try:
            return OpenSlideSource(file, warnings=_left_out(len(damaged)) if by_series else ())
        except openslide.OpenSlideUnsupportedFormatError:
            continue
        except CannotRead as exc:
            reason = exc.detail
    raise CannotRead("unreadable-slide" if by_series else "unsupported-format", reason)


def _whole_slides(folder: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """The levels of the slides by their series, the largest file first, and DICOM files that are damaged."""
    by_series: defaultdict[str, list[Path]] = defaultdict(list)
    damaged = []
    for file in sorted(folder.iterdir(), key=lambda file: (-file.stat().st_size, file.name)):
        header = _header(file)
        if header is None or header.get(MEDIA_STORAGE_SOP_CLASS, WHOLE_SLIDE) != WHOLE_SLIDE:
            continue
        if SERIES_INSTANCE not in header:
            damaged.append(file)
        elif BESIDE_TISSUE.isdisjoint(value.strip() for value in header.get(IMAGE_TYPE, "").split("\\")):
            by_series[header[SERIES_INSTANCE]].append(file)
    return by_series, damaged


def _header(file: Path) -> dict[int, str] | None:
    try:
        return dicom_header(file) if file.is_file() else None
    except OSError:
        return {}


def _left_out(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"DICOM files of the folder that cannot be read were left out: {count}. Copy the slide again.",)
