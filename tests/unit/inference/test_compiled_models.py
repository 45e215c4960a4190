"""Compiled models are kept, but not for ever."""

import os
from pathlib import Path

import pytest

from idc_inference.engines.compiled_models import KEPT_BUNDLES, folder_for


def test_folder_of_a_bundle_is_the_same_again(tmp_path: Path) -> None:
    first = folder_for(tmp_path / "cache", "a" * 64)
    assert first is not None
    (first / "model.blob").write_bytes(b"x")

    assert folder_for(tmp_path / "cache", "a" * 64) == first
    assert (first / "model.blob").exists()


def test_bundles_that_were_not_used_for_long_are_removed(tmp_path: Path) -> None:
    for index in range(KEPT_BUNDLES):
        folder = folder_for(tmp_path, f"{index:064x}"[::-1])
        assert folder is not None
        os.utime(folder, (index, index))
    folder_for(tmp_path, "0" * 64)  # used again

    new = folder_for(tmp_path, "f" * 64)

    names = {folder.name[0] for folder in tmp_path.iterdir()}
    assert new is not None
    assert names == {"0", "2", "3", "f"}


def test_folder_that_cannot_be_made_is_reported_and_does_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")

    assert folder_for(tmp_path / "file", "a" * 64) is None
    assert "compiled models are not cached" in caplog.text
