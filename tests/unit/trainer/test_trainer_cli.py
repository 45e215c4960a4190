"""Bad input at the command line: one line with the remedy, and an exit code."""

import inspect
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from idc_trainer import errors
from idc_trainer.__main__ import main
from idc_trainer.commands import data_check
from support.made_patches import write_patch_folder

PATIENTS = {"a": (3, 3), "b": (3, 3), "c": (3, 3)}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path / "data", PATIENTS)


def _train(data: Path, out: Path, *more: str) -> int:
    return main(["train", "--data", str(data), "--out", str(out), "--cache", str(out.parent / "cache"), *more])


def _one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("idc-trainer: ")]
    assert len(lines) == 1
    return lines[0]


def _kinds() -> dict[str, type[errors.TrainerError]]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TrainerError)
    }


def test_exit_codes_are_those_of_sysexits_and_2_for_a_wrong_option() -> None:
    codes = {kind.exit_code for kind in _kinds().values() if kind is not errors.TrainerError}

    assert codes == {2, os.EX_DATAERR, os.EX_NOINPUT, os.EX_SOFTWARE, os.EX_CANTCREAT, os.EX_IOERR}


def test_the_documented_codes_are_the_real_ones() -> None:
    documented = dict(re.findall(r"(\w+) +(\d+)(?: |$)", inspect.getdoc(errors) or "", re.MULTILINE))

    assert {name: str(kind.exit_code) for name, kind in _kinds().items() if name in documented} == {
        name: code for name, code in documented.items() if name in _kinds()
    }
    assert all(re.search(rf"^[│├└─ ]*{name}\b", inspect.getdoc(errors) or "", re.MULTILINE) for name in _kinds())


def test_an_empty_folder_ends_with_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()

    assert _train(tmp_path / "data", tmp_path / "out") == errors.DataEmpty.exit_code
    assert "pass " in _one_line(capsys)


@pytest.mark.parametrize(
    ("patients", "code", "text"),
    [
        ({"a": (3, 0), "b": (3, 0), "c": (3, 0)}, errors.OneClassOnly.exit_code, "class"),
        ({"a": (3, 3)}, errors.TooFewPatients.exit_code, "patient"),
    ],
)
def test_data_that_cannot_be_split_ends_with_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], patients: dict[str, tuple[int, int]], code: int, text: str
) -> None:
    write_patch_folder(tmp_path / "data", patients)

    assert _train(tmp_path / "data", tmp_path / "out") == code
    assert text in _one_line(capsys)
    assert list((tmp_path / "out").rglob("*.*")) == []


def test_a_corrupt_image_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted(data.rglob("*.png"))[4]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)

    assert _train(data, tmp_path / "out") == errors.DataUnreadable.exit_code
    line = _one_line(capsys)
    assert path.name in line
    assert "--skip-unreadable" in line


def test_a_wrong_label_folder_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "a" / "1").rename(data / "a" / "idc")

    assert _train(data, tmp_path / "out") == errors.WrongLabel.exit_code
    assert "a/idc" in _one_line(capsys)


def test_a_patient_on_two_sides_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = _train(data, tmp_path / "out", "--test-patients", "a,b", "--validation-patients", "b")

    assert code == errors.SplitError.exit_code
    assert "'b' is in validation and in test" in _one_line(capsys)


def test_an_identical_file_on_two_sides_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sorted((data / "a" / "0").iterdir())[0], sorted((data / "b" / "0").iterdir())[0]
    second.write_bytes(first.read_bytes())

    assert _train(data, tmp_path / "out", "--test-patients", "a") == errors.SplitError.exit_code
    assert "is the same file as" in _one_line(capsys)


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--stages", "stage9"), errors.WrongSetting, "choose among stage3"),
        (("--input-px", "16"), errors.WrongSetting, "raise --input-px"),
        (("--fine-tune", "2", "--cross-fit"), errors.WrongSetting, "leave out --cross-fit"),
        (("--split", "official", "--test-patients", "a"), errors.WrongSetting, "leave out --test-patients"),
        (("--split", "fold:4/3"), errors.SplitError, "no fold 4 of 3"),
        (("--split", "absent.json"), errors.SplitError, "cannot read the split"),
        (("--split", "leave-out:x"), errors.SplitError, "'x'"),
        (("--weights", "absent.pth"), errors.WeightsMissing, "--weights"),
        (("--backbone", "mobilenet_v3_small", "--weights", "absent.h5"), errors.WeightsMissing, "--weights"),
    ],
)
def test_settings_that_nothing_goes_by_are_told(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: type[errors.TrainerError],
    text: str,
) -> None:
    assert _train(data, tmp_path / "out", *options) == code.exit_code
    assert text in _one_line(capsys)


def test_other_weights_are_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "w.pth").write_bytes(b"other")

    code = _train(data, tmp_path / "out", "--weights", str(tmp_path / "w.pth"))

    assert code == errors.WeightsChanged.exit_code
    assert "SHA-256" in _one_line(capsys)


def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file, so that not even root can write below it")

    assert _train(tmp_path / "data", tmp_path / "out") == errors.OutputUnwritable.exit_code
    assert "name a writable folder" in _one_line(capsys)


@pytest.mark.parametrize(
    "more",
    [
        ("--target-sensitivity", "1.5"),
        ("--target-sensitivity", "nan"),
        ("--band-width", "2"),
        ("--version", "0"),
        ("--name", "../x"),
        ("--name", "IDC"),
        ("--seed", "-1"),
        ("--penalty", "0"),
        ("--penalty", "nan"),
        ("--learning-rate", "-1"),
        ("--steps-per-epoch", "0"),
        ("--batch", "0"),
        ("--label-smoothing", "1.1"),
        ("--stage-gains", "1,x"),
        ("--backbone", "resnet"),
    ],
)
def test_a_wrong_command_line_ends_with_2(more: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", "d", "--out", "o", *more])

    assert ended.value.code == 2
    assert f"argument {more[0]}" in capsys.readouterr().err


def test_a_command_without_its_options_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train"])

    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_command_that_is_stopped_by_sigterm_ends_in_order(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_check, "check_data", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)

    assert main(["data", "check", str(data)]) == 143

    assert _one_line(capsys) == "idc-trainer: stopped; no bundle was written"
    assert signal.getsignal(signal.SIGTERM) == before


_CHECK_AND_SAY_WHAT_WAS_IMPORTED = """
import sys
from idc_trainer.__main__ import main
code = main(["data", "check", sys.argv[1]])
sys.stderr.write(" ".join(sorted({"tensorflow", "keras", "openvino", "nncf", "sklearn"} & sys.modules.keys())))
sys.exit(code)
"""


def test_checking_data_waits_for_no_tensorflow(data: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _CHECK_AND_SAY_WHAT_WAS_IMPORTED, str(data)],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    imported = ended.stderr.splitlines()[-1].split()
    assert not {"tensorflow", "keras", "openvino", "nncf"} & set(imported)
