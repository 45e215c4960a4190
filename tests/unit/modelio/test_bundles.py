"""A bundle is read whole or refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idc_modelio.bundles import read_bundle, read_self_test, versions
from idc_modelio.errors import BundleDamaged, BundleMissing
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


def test_shipped_bundle_is_whole() -> None:
    models = Path(__file__).parents[3] / "models"
    newest = versions(models, "idc")[0]

    manifest = read_bundle(models / "idc" / str(newest)).manifest

    assert "8975" in manifest.split.test
