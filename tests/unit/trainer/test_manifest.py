from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idc_trainer.data.layouts import open_patches
from idc_trainer.data.source import PatientsFrom
from idc_trainer.errors import DataUnreadable, ManifestWrong, TrainerError, WrongLabel, WrongSetting
from support.made_patches import write_patch_folder

A, B = "p/0/p_idx5_x0_y1_class0.png", "p/1/p_idx5_x0_y51_class1.png"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path, {"p": (1, 1)})


def _csv(folder: Path, *lines: str) -> Path:
    (folder / "list.csv").write_text("\r\n".join(lines), encoding="utf-8")
    return folder / "list.csv"


def test_the_patient_is_who_the_list_says(folder: Path) -> None:
    source = open_patches(_csv(folder, "path,patient,label", f"{A},x,0", "", f"{B}, y ,1"))

    assert [(f.path, f.patient, f.label) for f in source.listing.files] == [(A, "x", 0), (B, "y", 1)]
    assert source.read(source.listing.files[0]) == (folder / A).read_bytes()


def _exported(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "list.csv").write_bytes(text.encode(encoding))
    return folder / "list.csv"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"\ufeffpath,patient,label\n{A},x,0\n", "utf-8"),
        (f'"path","patient","label"\r\n"{A}","x","0"\r\n', "utf-8"),
        (f"path;patient;label\n{A};x;0\n", "utf-8"),
        (f"sep=;\npath;patient;label\n{A};x;0\n", "utf-8"),
        (f"path\tpatient\tlabel\r\n{A}\tx\t0\r\n", "utf-16"),
        (f"path|patient|label\n{A}|x|0", "utf-8"),
        (f"Path, PATIENT ,Label\r{A},x,0\r", "utf-8"),
        (f"path,patient,label\n{A},x,0.0\n", "utf-8"),
        (f"site,path,stain,patient,label\nz,{A},HE,x,0\n", "utf-8"),
        (f"path,patient,label\n{A},x,0\n,,\n", "utf-8"),
        (f"label,path,patient\n0,{A},x\n", "utf-8"),
        ("path,patient,label\n" + A.replace("/", "\\") + ",x,0\n", "utf-8"),
    ],
)
def test_a_list_is_read_as_spreadsheets_and_tables_write_it(folder: Path, text: str, encoding: str) -> None:
    (file,) = open_patches(_exported(folder, text, encoding)).listing.files

    assert (file.path, file.patient, file.label) == (A, "x", 0)


def test_a_list_that_contradicts_the_file_names_is_reported(folder: Path) -> None:
    listing = open_patches(_csv(folder, "path,patient,label", f"{A},x,0", f"{B},p,1")).listing

    assert listing.patients_from is PatientsFrom.LIST
    assert listing.notes == ["1 file names give another patient than the list; the list was used."]


def test_folders_cannot_say_the_patients_of_a_list(folder: Path) -> None:
    with pytest.raises(WrongSetting, match="omit --patient-from folders"):
        open_patches(_csv(folder, "path,patient,label", f"{A},x,0"), PatientsFrom.FOLDERS)


@pytest.mark.parametrize(
    ("lines", "error", "text"),
    [
        ((), ManifestWrong, "line 1 lacks path, patient, label: .*make the header path,patient,label"),
        (("path,label", f"{A},0"), ManifestWrong, "line 1 lacks patient: it is 'path,label', separated by commas"),
        (("path;label", f"{A};0"), ManifestWrong, "line 1 lacks patient: it is 'path;label', separated by semicolons"),
        (("file,id,class", f"{A},x,0"), ManifestWrong, "line 1 lacks path, patient, label: it is 'file,id,class'"),
        (("path,patient,label,path", f"{A},x,0,z"), ManifestWrong, "line 1 has path twice"),
        (("path,patient,label", f"{A},x"), ManifestWrong, "line 2 has 2 fields instead of 3"),
        (("path,patient,label", f"{A},x,0,0"), ManifestWrong, "line 2 has 4 fields instead of 3"),
        (("path,patient,label", f"{A},x,0", f"{B},,1"), ManifestWrong, "line 3 has no patient: fill it in"),
        (("path,patient,label", f"{A},x,0", f"{A},y,0"), ManifestWrong, "line 3 lists the same path as line 2"),
        (("path,patient,label", f'"{A},x,0'), ManifestWrong, "is not a CSV file"),
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))))
def test_no_content_leads_to_anything_but_one_of_our_errors(tmp_path: Path, content: bytes) -> None:
    for start in (b"", b"path,patient,label\n"):
        (tmp_path / "list.csv").write_bytes(start + content)

        with pytest.raises(TrainerError) as error:
            open_patches(tmp_path / "list.csv")

        assert str(error.value).isprintable()
