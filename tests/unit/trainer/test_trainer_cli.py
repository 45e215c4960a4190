from pathlib import Path

import pytest

from idc_trainer import errors
from idc_trainer.__main__ import main
from support.made_patches import write_patch_folder

PATIENTS = {"a": (3, 3), "b": (3, 3), "c": (3, 3)}


def _train(data: Path, out: Path, *more: str) -> int:
    return main(["train", "--data", str(data), "--out", str(out), *more])


def _one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("idc-trainer: ")]
    assert len(lines) == 1
    return lines[0]


def test_every_error_has_an_exit_code_of_its_own() -> None:
    leaves = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.TrainerError) and not kind.__subclasses__()
    ]

    codes = [kind.exit_code for kind in leaves]

    assert len(set(codes)) == len(codes) >= 12
    assert not {0, 1, 2, 130} & set(codes)


def test_an_empty_folder_ends_with_its_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()

    assert _train(tmp_path / "data", tmp_path / "out") == errors.DataEmpty.exit_code
    assert "name the folder that holds the patients' folders" in _one_line(capsys)


@pytest.mark.parametrize(
    ("patients", "code", "text"),
    [
        ({"a": (3, 0), "b": (3, 0), "c": (3, 0)}, errors.OneClassOnly.exit_code, "one class only"),
        ({"a": (3, 3)}, errors.TooFewPatients.exit_code, "1 patients are too few"),
    ],
)
def test_data_that_cannot_be_split_ends_with_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], patients: dict[str, tuple[int, int]], code: int, text: str
) -> None:
    write_patch_folder(tmp_path / "data", patients)

    assert _train(tmp_path / "data", tmp_path / "out") == code
    assert text in _one_line(capsys)
    assert list((tmp_path / "out").rglob("*.*")) == []


def test_a_corrupt_image_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted(write_patch_folder(tmp_path / "data", PATIENTS).rglob("*.png"))[4]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)

    assert _train(tmp_path / "data", tmp_path / "out") == errors.DataUnreadable.exit_code
    assert path.name in _one_line(capsys)


def test_a_wrong_label_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_patch_folder(tmp_path / "data", PATIENTS)
    (tmp_path / "data" / "a" / "1").rename(tmp_path / "data" / "a" / "idc")

    assert _train(tmp_path / "data", tmp_path / "out") == errors.WrongLabel.exit_code
    assert "a/idc is no class" in _one_line(capsys)


def test_a_patient_on_two_sides_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_patch_folder(tmp_path / "data", PATIENTS)

    code = _train(tmp_path / "data", tmp_path / "out", "--test-patients", "a,b", "--validation-patients", "b")

    assert code == errors.SplitError.exit_code
    assert "'b' stands in validation and in test" in _one_line(capsys)


def test_other_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "w.pth").write_bytes(b"other")

    code = _train(tmp_path, tmp_path / "out", "--weights", str(tmp_path / "w.pth"))

    assert code == errors.WeightsChanged.exit_code
    assert "SHA-256" in _one_line(capsys)


def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file, so that not even root can write below it")

    assert _train(tmp_path / "data", tmp_path / "out") == errors.OutputUnwritable.exit_code
    assert "--out" in _one_line(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "--data", "d", "--out", "o", "--target-sensitivity", "1.5"],
        ["train", "--data", "d", "--out", "o", "--version", "0"],
        ["train", "--data", "d", "--out", "o", "--split", "s.json", "--test-patients", "a"],
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)

    assert exit_info.value.code == 2
    assert "usage:" in capsys.readouterr().err
