from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idc_trainer.data.layouts import open_patches
from idc_trainer.errors import DataUnreadable, ManifestWrong, TrainerError, WrongLabel
from support.made_patches import write_patch_folder

A, B = "p/0/p_idx5_x0_y1_class0.png", "p/1/p_idx5_x0_y1_class1.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path, {"p": (1, 1)})


def _csv(folder: Path, *lines: str) -> Path:
    (folder / "list.csv").write_text("\r\n".join(lines), encoding="utf-8")
    return folder / "list.csv"


def test_the_patient_is_who_the_list_says(folder: Path) -> None:
    source = open_patches(_csv(folder, "path,patient,label", f"{A},x,0", "", f"{B}, y ,1"))

    assert [(f.path, f.patient, f.label, f.x_px) for f in source.files] == [(A, "x", 0, 0), (B, "y", 1, 0)]
    assert source.read(source.files[0]) == (folder / A).read_bytes()


@pytest.mark.parametrize("header", ["\ufeffpath,patient,label", '"path","patient","label"'])
def test_a_spreadsheets_header_is_read(folder: Path, header: str) -> None:
    assert len(open_patches(_csv(folder, header, f"{A},x,0")).files) == 1


def test_columns_may_stand_in_any_order(folder: Path) -> None:
    (file,) = open_patches(_csv(folder, "label,path,patient", f"0,{A},x")).files

    assert (file.path, file.patient, file.label) == (A, "x", 0)


@pytest.mark.parametrize(
    ("lines", "error", "text"),
    [
        ((), ManifestWrong, "line 1 lacks path, patient, label: make the header path,patient,label"),
        (("path,label", f"{A},0"), ManifestWrong, "line 1 lacks patient"),
        (("path,patient,label,site", f"{A},x,0,z"), ManifestWrong, "line 1 has besides site"),
        (("path,patient,label,path", f"{A},x,0,z"), ManifestWrong, "line 1 has besides one column twice"),
        (("path;patient;label", f"{A};x;0"), ManifestWrong, "line 1 lacks path, patient, label"),
        (("path,patient,label", f"{A},x"), ManifestWrong, "line 2 has 2 fields instead of 3"),
        (("path,patient,label", f"{A},x,0,0"), ManifestWrong, "line 2 has 4 fields instead of 3"),
        (("path,patient,label", f"{A},x,0", f"{B},,1"), ManifestWrong, "line 3 has no patient: fill it in"),
        (("path,patient,label", f"{A},x,0", f"{A},y,0"), ManifestWrong, "line 3 lists the same path as line 2"),
        (("path,patient,label", f'"{A},x,0'), ManifestWrong, "is no CSV file"),
        (("path,patient,label", f"{A},x,idc"), WrongLabel, "line 2 has the label 'idc': write 0"),
        (("path,patient,label", f"{A},x,1"), WrongLabel, "says class 0 but .* line 2 says 1"),
        (("path,patient,label", "absent.png,x,1"), DataUnreadable, r"line 2: absent\.png is not in .*correct the path"),
        (("path,patient,label", "p/0,x,0"), DataUnreadable, "line 2: p/0 is not in"),
    ],
)
def test_a_wrong_line_is_named_with_the_remedy(
    folder: Path, lines: tuple[str, ...], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        open_patches(_csv(folder, *lines))


def test_a_file_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / "list.csv").write_bytes(b"path,patient,label\n\xff\xfe,x,0\n")

    with pytest.raises(ManifestWrong, match="not UTF-8 text: save it as CSV in UTF-8"):
        open_patches(folder / "list.csv")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))))
def test_no_content_leads_to_anything_but_one_of_our_errors(tmp_path: Path, content: bytes) -> None:
    for start in (b"", b"path,patient,label\n"):
        (tmp_path / "list.csv").write_bytes(start + content)

        with pytest.raises(TrainerError) as error:
            open_patches(tmp_path / "list.csv")

        assert str(error.value).isprintable()
