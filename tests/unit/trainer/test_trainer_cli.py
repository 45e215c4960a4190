"""Bad input at the command line: one line with the remedy, and an exit code."""

import inspect
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
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


def _kinds() -> dict[str, type[errors.TrainerError]]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TrainerError)
    }


def test_exit_codes_are_those_of_sysexits_and_2_for_a_wrong_option() -> None:
    codes = {kind.exit_code for kind in _kinds().values() if kind is not errors.TrainerError}

    assert codes == {2, os.EX_DATAERR, os.EX_NOINPUT, os.EX_SOFTWARE, os.EX_CANTCREAT, os.EX_IOERR, os.EX_NOPERM}


def test_the_documented_codes_are_the_real_ones() -> None:
    documented = dict(re.findall(r"(\w+) +(\d+)(?: |$)", inspect.getdoc(errors) or "", re.MULTILINE))

    assert {name: str(kind.exit_code) for name, kind in _kinds().items() if name in documented} == {
        name: code for name, code in documented.items() if name in _kinds()
    }
    assert all(re.search(rf"^[│├└─ ]*{name}\b", inspect.getdoc(errors) or "", re.MULTILINE) for name in _kinds())


def test_a_patient_on_two_sides_is_refused(data: Path, tmp_path: Path, error_line: Callable[[], str]) -> None:
    code = _train(data, tmp_path / "out", "--test-patients", "a,b", "--validation-patients", "b")

    assert code == errors.SplitError.exit_code
    assert "'b' is in validation and in test" in error_line()


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--stages", "stage9"), errors.WrongSetting, "choose among stage3"),
        (("--input-px", "16"), errors.WrongSetting, "raise --input-px"),
        (("--train-from", "stage7"), errors.WrongSetting, "cannot train efficientnet_lite0 from 'stage7'"),
        (("--networks", "7"), errors.WrongSetting, "at most one network for each fold"),
        (("--batch", "2"), errors.WrongSetting, "take at least 8"),
        (("--split", "official", "--test-patients", "a"), errors.WrongSetting, "omit --test-patients"),
        (("--split", "fold:4/3"), errors.SplitError, "no fold 4 of 3"),
        (("--split", "absent.json"), errors.SplitError, "cannot read the split"),
        (("--split", "leave-out:x"), errors.SplitError, "'x'"),
        (("--weights", "absent.pth"), errors.WeightsMissing, "--weights"),
        (("--backbone", "mobilenet_v3_small", "--weights", "absent.h5"), errors.WeightsMissing, "--weights"),
    ],
)
def test_settings_without_effect_are_reported(
    data: Path,
    tmp_path: Path,
    error_line: Callable[[], str],
    options: tuple[str, ...],
    code: type[errors.TrainerError],
    text: str,
) -> None:
    assert _train(data, tmp_path / "out", *options) == code.exit_code
    assert text in error_line()
    assert not (tmp_path / "cache").exists(), "refused before any work"


def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, error_line: Callable[[], str]
) -> None:
    (tmp_path / "out").write_text("a file, so that not even root can write below it")

    assert _train(tmp_path / "data", tmp_path / "out") == errors.OutputUnwritable.exit_code
    assert "name a writable folder" in error_line()


@pytest.mark.parametrize(
    "more",
    [
        ("--target-sensitivity", "1.5"),
        ("--target-sensitivity", "nan"),
        ("--target-false-alarm-rate", "0"),
        ("--target-patients", "1"),
        ("--most-uncertain", "2"),
        ("--version", "0"),
        ("--name", "../x"),
        ("--name", "IDC"),
        ("--seed", "-1"),
        ("--steps", "0"),
        ("--train-from",),
        ("--padded", "1.5"),
        ("--test-patients", "@absent.txt"),
        ("--learning-rate", "-1"),
        ("--batch", "0"),
        ("--label-smoothing", "1.1"),
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
    data: Path, error_line: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_check, "check_data", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)

    assert main(["data", "check", str(data)]) == 143

    assert error_line() == "idc-trainer: stopped; no bundle was written"
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
