"""A zip comes from anywhere: it may not fill the memory, write to the disk or end the command with a traceback."""

import contextlib
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idc_modelio.patches import MAX_ENCODED_BYTES
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.source import PatchSource
from idc_trainer.errors import DataEmpty, DataUnreadable, FileUnreadable, TrainerError

NAME = "p/0/p_idx5_x0_y1_class0.png"


def _zip(path: Path, content: bytes, compression: int = zipfile.ZIP_DEFLATED, name: str = NAME) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, content)
    return path


def _read_first(source: PatchSource) -> bytes:
    return source.read(source.listing.files[0])


def test_an_entry_larger_than_a_patch_may_be_is_unpacked_no_further(tmp_path: Path) -> None:
    source = open_patches(_zip(tmp_path / "bomb.zip", bytes(9 * MAX_ENCODED_BYTES)))

    assert len(_read_first(source)) == MAX_ENCODED_BYTES + 1


def test_an_entry_that_understates_its_size_unpacks_no_more_than_it_said(tmp_path: Path) -> None:
    path = _zip(tmp_path / "bomb.zip", bytes(123_456_789))
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 123_456_789), struct.pack("<I", 1000)))

    with pytest.raises(FileUnreadable, match="damaged in"):
        _read_first(open_patches(path))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_unpacks_without_a_bound_is_refused(tmp_path: Path, compression: int) -> None:
    with pytest.raises(DataUnreadable, match="neither stored nor deflated: unpack the zip and pass the folder"):
        open_patches(_zip(tmp_path / "set.zip", b"x" * 100, compression))


@pytest.mark.parametrize("others", [0, 1])
def test_an_encrypted_entry_is_unreadable_and_if_all_are_the_zip_is(tmp_path: Path, others: int) -> None:
    path = _zip(tmp_path / "set.zip", b"x" * 100, zipfile.ZIP_STORED)
    with zipfile.ZipFile(path, "a") as archive:
        for _ in range(others):
            archive.writestr(NAME.replace("x0", "x50"), b"y")
    data = bytearray(path.read_bytes())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags_at] |= 1
    path.write_bytes(data)

    with pytest.raises(
        FileUnreadable if others else DataUnreadable, match="encrypted: unpack the zip with its password"
    ):
        _read_first(open_patches(path))


def test_a_changed_byte_in_an_entry_is_noticed(tmp_path: Path) -> None:
    path = _zip(tmp_path / "set.zip", b"x" * 100, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"x" * 100, b"x" * 99 + b"y"))

    with pytest.raises(FileUnreadable, match="damaged in"):
        _read_first(open_patches(path))


def test_a_name_that_leads_out_of_the_zip_writes_nothing(tmp_path: Path) -> None:
    path = _zip(tmp_path / "set.zip", b"x", name=f"../../{NAME}")

    assert _read_first(open_patches(path)) == b"x"
    assert [file.name for file in tmp_path.iterdir()] == ["set.zip"]


def test_a_name_of_many_lines_makes_an_error_of_one(tmp_path: Path) -> None:
    path = _zip(tmp_path / "set.zip", b"x", name="p/0\n\x1b[31m/a.png")

    with pytest.raises(TrainerError) as error:
        open_patches(path)

    assert str(error.value).isprintable()


def test_an_entry_without_a_name_is_passed_over(tmp_path: Path) -> None:
    path = _zip(tmp_path / "set.zip", b"x", name="-p/0/a.png")
    path.write_bytes(path.read_bytes().replace(b"-p/0/a.png", b"\0p/0/a.png"))

    with pytest.raises(DataEmpty, match="1 no image by its name"):
        open_patches(path)


def test_a_name_longer_than_any_file_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataUnreadable, match="more than 255 characters"):
        open_patches(_zip(tmp_path / "set.zip", b"x", name=f"p/0/{'p' * 256}_idx5_x1_y1_class0.png"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip at all", "ends early"])
def test_a_damaged_zip_is_refused_with_a_remedy(tmp_path: Path, content: bytes | str) -> None:
    whole = _zip(tmp_path / "set.zip", b"x" * 500, zipfile.ZIP_STORED).read_bytes()
    (tmp_path / "set.zip").write_bytes(content if isinstance(content, bytes) else whole[:-300])

    with pytest.raises(DataUnreadable, match="download or copy it again"):
        open_patches(tmp_path / "set.zip")


def test_a_zip_from_windows_divides_folders_by_backslashes(tmp_path: Path) -> None:
    path = _zip(tmp_path / "set.zip", b"x", name=NAME.replace("/", "\\"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("p\\", b"")  # a folder's entry

    source = open_patches(path)

    assert [(file.path, file.patient, file.label) for file in source.listing.files] == [(NAME, "p", 0)]
    assert (list(source.listing.left_out), _read_first(source)) == ([], b"x")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_no_changed_byte_leads_to_anything_but_one_of_our_errors(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(_zip(tmp_path / "set.zip", b"x" * 60).read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    (tmp_path / "changed.zip").write_bytes(data)

    with warnings.catch_warnings(), contextlib.suppress(TrainerError):
        warnings.simplefilter("ignore")  # zipfile warns of names that are there twice
        source = open_patches(tmp_path / "changed.zip")
        for file in source.listing.files:
            with contextlib.suppress(TrainerError):
                source.read(file)
