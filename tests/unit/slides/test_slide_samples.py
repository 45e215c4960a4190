"""The public test slides: the good are read, the others refused with a reason that names a remedy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_slides.reading import NeedsScale, SlideFile, SlideUnreadable
from support.dicom_folders import (
    FINEST,
    INDEX,
    REPORT,
    SAMPLE,
    SIZE_PX,
    dicom_folder,
    of_another_series,
    of_class,
    of_type,
    with_referenced_series,
)


def screened(path: Path) -> NDArray[np.uint8]:
    with SlideFile.open(path) as slide:
        return np.stack([band.cells for band in slide.bands(slide.scale())])


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("unreadable.svs", "unreadable-slide", "copy it again"),
        ("unopenable.tiff", "unsupported-format", "export it"),
        ("fluorescence.ome.tif", "not-brightfield", "8-bit RGB"),
        ("small.svs", "slide-too-small", "16 x 16 px"),
        ("boxes.tiff", "needs-scale", "352.8"),
        ("10000x5000-in-24-kB.tiff", "needs-scale", "352.9"),
        ("jpeg2000-no-mpp.svs", "needs-scale", "does not tell its scale"),
    ],
)
def test_each_odd_slide_is_refused_with_its_reason(idc_slides: Path, name: str, code: str, word: str) -> None:
    with pytest.raises(SlideUnreadable, match=word) as refused, SlideFile.open(idc_slides / name) as slide:
        slide.scale()

    assert refused.value.code == code
    assert isinstance(refused.value, NeedsScale) == (code == "needs-scale")


def test_a_small_file_with_a_large_image_is_read_in_bounded_memory(idc_slides: Path) -> None:
    with SlideFile.open(idc_slides / "10000x5000-in-24-kB.tiff") as slide:
        bands = list(slide.bands(slide.scale(0.5)))

    assert all(band.readable.all() for band in bands)


def test_the_false_colours_of_a_dicom_slide_are_put_right_and_told(idc_slides: Path) -> None:
    truth = screened(idc_slides / "CMU-1-Small-Region.svs").astype(int)
    with SlideFile.open(idc_slides / "cmu-1-small-region-dicom") as slide:
        warnings = slide.described.warnings

    found = screened(idc_slides / "cmu-1-small-region-dicom")

    assert np.abs(found - truth).mean() < 1.5
    assert "YCbCr" in warnings[0]


def test_a_pyramid_made_by_leaving_out_pixels_is_not_screened(idc_slides: Path) -> None:
    with SlideFile.open(idc_slides / "cmu-1-small-region-dicom") as slide:
        chosen = slide.scale()

    assert chosen.record.level == 0
    assert "leaving out pixels" in chosen.warnings[0]


CORRECTED = "YCbCr"
LEFT_OUT = "left out: 1."


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("a-text.dcm", lambda _: b"no DICOM file", [CORRECTED]),
        ("a-head.dcm", lambda _: bytes(128) + b"DICM" + bytes(64), [CORRECTED, LEFT_OUT]),
        ("DICOMDIR", lambda content: of_class(content, INDEX), [CORRECTED]),
        ("a-report.dcm", lambda content: of_class(content, REPORT), [CORRECTED]),
        ("a-label.dcm", lambda content: of_type(of_another_series(content), b"LABEL "), [CORRECTED]),
        ("a-cut-uid.dcm", lambda content: content[:650], [CORRECTED, LEFT_OUT]),
        ("a-cut-head.dcm", lambda content: content[:1000], [CORRECTED, LEFT_OUT]),
        ("a-large-one.dcm", lambda content: content[:600] + bytes(2_000_000), [CORRECTED, LEFT_OUT]),
        ("a-copy.dcm", with_referenced_series, [CORRECTED]),
    ],
)
def test_a_strange_file_beside_a_dicom_slide_harms_nothing(
    idc_slides: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes], told: list[str]
) -> None:
    folder = dicom_folder(idc_slides, tmp_path / "slide")
    (folder / name).write_bytes(change((folder / FINEST).read_bytes()))

    with SlideFile.open(folder) as slide:
        found = slide.described

    assert (found.width_px, found.height_px, len(found.levels)) == (*SIZE_PX, 12)
    assert [text in warning for text, warning in zip(told, found.warnings, strict=True)] == [True] * len(told)


def test_two_slides_in_a_dicom_folder_are_refused_by_name(idc_slides: Path, tmp_path: Path) -> None:
    folder = dicom_folder(idc_slides, tmp_path / "slide")
    other = of_another_series((folder / "level-4-frames-0-1.dcm").read_bytes())
    (folder / "a-second-slide.dcm").write_bytes(other)

    with pytest.raises(SlideUnreadable, match=f"'{FINEST}', 'a-second-slide.dcm': give each") as refused:
        SlideFile.open(folder).close()

    assert refused.value.code == "several-slides"


def test_a_dicom_folder_without_a_whole_slide_is_refused_with_a_reason(idc_slides: Path, tmp_path: Path) -> None:
    (tmp_path / "report.dcm").write_bytes(of_class((idc_slides / SAMPLE / FINEST).read_bytes(), REPORT))

    with pytest.raises(SlideUnreadable, match="no DICOM whole slide") as refused:
        SlideFile.open(tmp_path).close()

    assert refused.value.code == "unsupported-format"


def test_a_truncated_svs_is_refused_or_shows_what_cannot_be_read(idc_slides: Path, tmp_path: Path) -> None:
    whole = (idc_slides / "CMU-1-Small-Region.svs").read_bytes()
    (tmp_path / "cut.svs").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(SlideUnreadable) as refused, SlideFile.open(tmp_path / "cut.svs") as slide:
        slide.scale()

    assert refused.value.code in ("unsupported-format", "unreadable-slide")
    assert ":" in refused.value.detail
