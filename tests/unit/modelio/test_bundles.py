"""A bundle is read whole or refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idc_modelio.bundles import check_self_test, read_bundle, read_self_test, versions
from idc_modelio.errors import BundleDamaged, BundleMissing, SelfTestFailed
from support.tiny_bundle import write_tiny_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path)


def _change(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + b"\n")


def _edit_manifest(**fields: object) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    return edit


def test_whole_bundle_is_read(folder: Path) -> None:
    bundle = read_bundle(folder)

    assert bundle.manifest.name == "idc"
    assert len(bundle.sha256) == 64
    vector = read_self_test(bundle)
    assert vector.patches.shape[1:] == (50, 50, 3)
    assert vector.probability.dtype == np.float32


@pytest.mark.parametrize(
    "damage",
    [
        _change("model.bin"),
        _change("model.xml"),
        _change("MODEL_CARD.md"),
        lambda folder: (folder / "model.bin").unlink(),
        lambda folder: (folder / "unlisted.txt").write_text("x"),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe\x00"),
        _edit_manifest(version="2"),
        _edit_manifest(name="other"),
        _edit_manifest(schema_version=2),
        _edit_manifest(thresholds={"no_idc_below": 0.9, "idc_from": 0.1}),
        _edit_manifest(split={"id": "0" * 64, "train": ["1"], "validation": ["1"], "test": []}),
    ],
)
def test_damaged_bundle_is_refused(folder: Path, damage: Callable[[Path], object]) -> None:
    damage(folder)

    with pytest.raises(BundleDamaged):
        read_bundle(folder)


def test_symbolic_link_in_a_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.bin"
    outside.write_bytes((folder / "model.bin").read_bytes())
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to(outside)

    with pytest.raises(BundleDamaged, match=r"model\.bin"):
        read_bundle(folder)


def test_folder_without_a_manifest_is_not_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing):
        read_bundle(tmp_path)


def test_place_that_cannot_be_read_holds_no_whole_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged, match="cannot be read"):
        read_bundle(tmp_path / ("x" * 300))


def _one_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text", _one_array()])
def test_self_test_that_is_not_an_archive_is_refused(folder: Path, content: bytes) -> None:
    bundle = read_bundle(folder)
    (folder / "selftest.npz").write_bytes(content)

    with pytest.raises(BundleDamaged, match=r"selftest\.npz"):
        read_self_test(bundle)


def test_versions_are_whole_numbers_newest_first(tmp_path: Path) -> None:
    for name in ("1", "2", "10", "03", "v4", ".tmp-5", "٣"):
        (tmp_path / "idc" / name).mkdir(parents=True)
    (tmp_path / "idc" / "11").write_text("no folder")

    assert versions(tmp_path, "idc") == [10, 2, 1]
    assert versions(tmp_path, "other") == []


def test_wrong_self_test_is_refused(folder: Path) -> None:
    bundle = read_bundle(folder)
    np.savez(folder / "selftest.npz", patches=np.zeros((1, 2, 2, 3), np.uint8), probability=np.zeros(1, np.float32))

    with pytest.raises(BundleDamaged, match="patches are"):
        read_self_test(bundle)


def _save_self_test(folder: Path, **arrays: Any) -> None:
    """Replace arrays of the self-test; None takes one away."""
    path = folder / "selftest.npz"
    with np.load(path) as archive:
        kept = {name: values for name, values in {**archive, **arrays}.items() if values is not None}
    np.savez(path, **kept)


@pytest.fixture
def checked(tmp_path: Path) -> Path:
    """The folder of a bundle with checks."""
    return write_tiny_bundle(tmp_path / "checked", has_checks=True)


def test_self_test_holds_each_output_of_the_graph(checked: Path) -> None:
    vector = read_self_test(read_bundle(checked))

    assert vector.outputs.keys() == {"probability", "little_tissue", "out_of_focus", "unfamiliar", "distance"}
    assert {(values.shape, values.dtype.name) for values in vector.outputs.values()} == {((9,), "float32")}


def test_self_test_without_an_output_that_has_a_check_is_refused(checked: Path) -> None:
    bundle = read_bundle(checked)
    _save_self_test(checked, distance=None)

    with pytest.raises(BundleDamaged, match="no results of distance"):
        read_self_test(bundle)


def test_self_test_with_an_output_of_another_shape_is_refused(checked: Path) -> None:
    bundle = read_bundle(checked)
    _save_self_test(checked, unfamiliar=np.zeros((9, 1), np.float32))

    with pytest.raises(BundleDamaged, match="unfamiliar is float32"):
        read_self_test(bundle)


def test_self_test_of_probabilities_alone_compares_those_alone(folder: Path) -> None:
    bundle = read_bundle(folder)
    vector = read_self_test(bundle)

    found = {"probability": vector.probability + np.float32(0.0005), "distance": vector.probability * 7}

    assert check_self_test(bundle, vector, found) == pytest.approx(0.0005, abs=1e-6)


@pytest.mark.parametrize(
    ("output", "factor", "added", "passes"),
    [
        ("unfamiliar", 1.0, 0.0009, True),
        ("unfamiliar", 1.0, 0.0011, False),
        ("distance", 1.0009, 0.0, True),  # the largest is 3.0, so that the difference is 0.0027
        ("distance", 1.0011, 0.0, False),
        ("distance", 1.0, np.nan, False),
        ("probability", 1.0, np.nan, False),
    ],
)
def test_each_output_is_held_to_the_tolerance_relative_to_values_above_one(
    checked: Path, output: str, factor: float, added: float, passes: bool
) -> None:
    bundle = read_bundle(checked)
    vector = read_self_test(bundle)
    found = vector.outputs | {output: (vector.outputs[output] * factor + added).astype(np.float32)}

    if passes:
        check_self_test(bundle, vector, found)
    else:
        what = "P.IDC." if output == "probability" else output
        with pytest.raises(SelfTestFailed, match=f"{what} differs by"):
            check_self_test(bundle, vector, found)


def test_graph_without_an_output_of_the_self_test_fails_it(checked: Path) -> None:
    bundle = read_bundle(checked)
    vector = read_self_test(bundle)

    with pytest.raises(SelfTestFailed, match="no output 'little_tissue'"):
        check_self_test(bundle, vector, {"probability": vector.probability})


def test_shipped_bundle_is_whole() -> None:
    models = Path(__file__).parents[3] / "models"
    newest = versions(models, "idc")[0]

    manifest = read_bundle(models / "idc" / str(newest)).manifest

    assert "8975" in manifest.split.test
