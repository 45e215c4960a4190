"""What a DICOM file says of itself is found in both ways of writing it, and no file harms the search."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from idc_slides.decoding.dicom_header import MEDIA_STORAGE_SOP_CLASS, SERIES_INSTANCE, dicom_header

WHOLE_SLIDE = b"1.2.840.10008.5.1.4.1.1.77.1.6"


def typed(group: int, element: int, value: bytes) -> bytes:
    return tag(group, element) + b"UI" + len(value).to_bytes(2, "little") + value


def plain(group: int, element: int, value: bytes) -> bytes:
    return tag(group, element) + len(value).to_bytes(4, "little") + value


def tag(group: int, element: int) -> bytes:
    return group.to_bytes(2, "little") + element.to_bytes(2, "little")


IMPLICIT = (
    bytes(128)
    + b"DICM"
    + typed(2, 2, WHOLE_SLIDE)
    + typed(2, 0x10, b"1.2.840.10008.1.2\0")
    + plain(8, 0x1115, tag(0xFFFE, 0xE000) + (14).to_bytes(4, "little") + plain(0x20, 0xE, b"9.9.9\0"))
    + plain(0x20, 0xE, b"1.2.3\0")
    + plain(0x7FE0, 0x10, bytes(8))
)


def header(content: bytes) -> dict[int, str] | None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return dicom_header(Path(file.name))


def test_the_series_is_found_where_no_types_are_written() -> None:
    assert header(IMPLICIT) == {MEDIA_STORAGE_SOP_CLASS: WHOLE_SLIDE.decode(), SERIES_INSTANCE: "1.2.3"}


@given(rest=st.binary(max_size=300), kept=st.integers(132, len(IMPLICIT)))
def test_a_cut_or_strange_header_is_never_taken_for_another_series(rest: bytes, kept: int) -> None:
    found = header(IMPLICIT[:kept])

    assert found is not None
    assert found.get(SERIES_INSTANCE, "1.2.3") == "1.2.3"
    assert header(IMPLICIT[:132] + rest) is not None
