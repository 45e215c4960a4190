"""`predict` and `verify` on a bundle whose P(IDC) is the mean of the red channel over 255."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from idc_modelio.bundles import file_sha256
from idc_trainer.__main__ import main
from idc_trainer.errors import BundleInvalid, DataEmpty, DataUnreadable
from support.tiny_bundle import write_tiny_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "models")


def _image(path: Path, red: int, side_px: int = 50) -> Path:
    Image.fromarray(np.full((side_px, side_px, 3), (red, 10, 10), np.uint8)).save(path)
    return path


def test_predict_says_both_classes_with_their_probabilities_and_the_time_of_each_image(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [_image(tmp_path / "dark.png", 51), _image(tmp_path / "red.png", 204), _image(tmp_path / "mid.png", 127)]

    assert main(["predict", str(bundle), *map(str, images)]) == 0

    out = capsys.readouterr().out
    rows = [re.findall(r"[\w.-]+", line) for line in out.splitlines() if ".png" in line]
    assert [row[:4] for row in rows] == [
        ["dark.png", "0.800", "0.200", "no_idc"],
        ["red.png", "0.200", "0.800", "idc"],
        ["mid.png", "0.502", "0.498", "uncertain"],
    ]
    assert all(0 < float(row[4]) < 10_000 for row in rows)
    assert "research use only, not a medical device" in out
    assert "ms" in out


def test_predict_says_why_a_patch_is_uncertain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_tiny_bundle(tmp_path / "checked", has_checks=True)
    Image.new("RGB", (50, 50), (255, 255, 255)).save(tmp_path / "white.png")

    assert main(["predict", str(bundle), str(tmp_path / "white.png")]) == 0

    row = next(line for line in capsys.readouterr().out.splitlines() if "white.png" in line)
    assert re.findall(r"[a-z_]{4,}", row) == ["white", "uncertain", "little_tissue"]


def test_an_image_of_another_size_is_scaled(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(bundle), str(_image(tmp_path / "small.png", 204, 35))]) == 0

    assert "0.800" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "text"), [(b"\x89PNG\r\n\x1a\n" + b"x" * 40, "bad.png"), (b"", "bad.png"), (None, "No such file")]
)
def test_a_bad_image_is_named_and_stops_no_other(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, text: str
) -> None:
    good, bad = _image(tmp_path / "good.png", 204), tmp_path / "bad.png"
    if content is not None:
        bad.write_bytes(content)

    assert main(["predict", str(bundle), str(bad), str(good)]) == DataUnreadable.exit_code

    captured = capsys.readouterr()
    assert "0.800" in captured.out
    (line,) = (line for line in captured.err.splitlines() if line.startswith("idc-trainer: "))
    assert text in line
    assert line.startswith("idc-trainer: 1 of 2 files cannot be classified, the first is ")
    assert line.endswith(": name images of patches")


def test_a_folder_is_classified_and_what_is_not_a_patch_in_it_is_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "patches"
    (folder / "0").mkdir(parents=True)
    _image(folder / "0" / "a.png", 204)
    _image(folder / "b.TIF", 51)
    Image.new("RGB", (50, 1)).save(folder / "strip.png")
    (folder / "0" / "up").symlink_to(folder)
    for name in ("Thumbs.db", ".DS_Store"):
        (folder / name).write_text("junk")

    assert main(["predict", str(bundle), str(folder)]) == 0

    captured = capsys.readouterr()
    assert "a.png" in captured.out
    assert "b.TIF" in captured.out
    assert [line for line in captured.err.splitlines() if line.startswith("Left out")] == [
        "Left out, no image by its name: 1",
        "Left out, hidden: 1",
        "Left out, the same patch again: 1",
        "Left out, no patch by its size: 1",
    ]
    assert f"{folder / 'strip.png'}: the image is 50 x 1 px" in captured.err


def test_a_strip_that_is_named_by_itself_is_an_error(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (2, 26)).save(tmp_path / "strip.png")

    assert main(["predict", str(bundle), str(tmp_path / "strip.png")]) == DataUnreadable.exit_code
    assert "strip.png (the image is 2 x 26 px)" in capsys.readouterr().err


def test_a_folder_without_an_image_is_reported(bundle: Path, tmp_path: Path, error_line: Callable[[], str]) -> None:
    (tmp_path / "empty").mkdir()

    assert main(["predict", str(bundle), str(tmp_path / "empty")]) == DataEmpty.exit_code
    assert "name images of patches" in error_line()


def test_verify_says_what_a_good_bundle_is(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(bundle)]) == 0

    out = capsys.readouterr().out
    assert "idc 1 is intact: 4 files as listed, self-test passed (5 patches" in out
    assert file_sha256(bundle / "manifest.json") in out


def _relist(bundle: Path, **changes: object) -> None:
    """Write the manifest anew, with right digests and some changes."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"] = {name: file_sha256(bundle / name) for name in manifest["files"]}
    (bundle / "manifest.json").write_text(json.dumps(manifest | changes))


def _change_weights(bundle: Path) -> None:
    content = bytearray((bundle / "model.bin").read_bytes())
    content[0] ^= 1
    (bundle / "model.bin").write_bytes(content)


def _another_self_test(bundle: Path) -> None:
    with np.load(bundle / "selftest.npz") as arrays:
        patches, probability = arrays["patches"], arrays["probability"]
    np.savez(bundle / "selftest.npz", patches=patches, probability=np.clip(probability + 0.2, 0, 1).astype(np.float32))
    _relist(bundle)


def _no_graph(bundle: Path) -> None:
    (bundle / "model.xml").write_text("<net>")
    _relist(bundle)


def _self_test_of_no_numbers(bundle: Path) -> None:
    (bundle / "selftest.npz").write_text("no archive")
    _relist(bundle)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (
            lambda bundle: (bundle / "MODEL_CARD.md").write_text("It never errs.\n"),
            "MODEL_CARD.md is not the file that the manifest lists",
        ),
        (_change_weights, "model.bin is not the file that the manifest lists"),
        (lambda bundle: (bundle / "model.bin").unlink(), "missing files: ['model.bin']"),
        (lambda bundle: (bundle / "extra.txt").touch(), "unlisted files: ['extra.txt']"),
        (lambda bundle: _relist(bundle, schema_version=2), "schema_version"),
        (lambda bundle: (bundle / "manifest.json").write_text("{"), "manifest.json"),
        (_another_self_test, "fails its self-test: P(IDC) differs by 0.2"),
        (_self_test_of_no_numbers, "selftest.npz"),
        (_no_graph, "OpenVINO cannot run"),
        (shutil.rmtree, "name a folder <models>/<name>/<version>"),
    ],
)
def test_verify_names_what_is_wrong(
    bundle: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], text: str
) -> None:
    damage(bundle)

    assert main(["verify", str(bundle)]) == BundleInvalid.exit_code
    assert text in capsys.readouterr().err.splitlines()[-1]


def test_predict_uses_no_bundle_that_was_changed(bundle: Path, tmp_path: Path, error_line: Callable[[], str]) -> None:
    _another_self_test(bundle)

    assert main(["predict", str(bundle), str(_image(tmp_path / "a.png", 9))]) == BundleInvalid.exit_code
    assert "fails its self-test" in error_line()
