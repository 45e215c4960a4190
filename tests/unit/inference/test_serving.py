"""Which bundle is served, and that it computes what was measured."""

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idc_inference.errors import ModelUnavailable
from idc_inference.fakes import RednessEngine
from idc_inference.ports import Engine
from idc_inference.serving import load_newest
from support.tiny_bundle import write_tiny_bundle


def make_engine(_path: Path) -> Engine:
    return RednessEngine()


def test_newest_version_is_served(tmp_path: Path) -> None:
    for version in ("2", "10", "9"):
        write_tiny_bundle(tmp_path, version=version)

    assert load_newest(tmp_path, "idc", make_engine).ref.version == "10"


def test_damaged_newest_version_is_logged_and_the_older_one_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tiny_bundle(tmp_path, version="1")
    (write_tiny_bundle(tmp_path, version="2") / "model.bin").write_bytes(b"damaged")

    with caplog.at_level(logging.ERROR):
        model = load_newest(tmp_path, "idc", make_engine)

    assert model.ref.version == "1"
    assert "version 2 of idc is not served" in caplog.text


def test_device_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    class Wrong(RednessEngine):
        def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
            return 1 - super().infer(patches)

    write_tiny_bundle(tmp_path)

    with pytest.raises(ModelUnavailable, match="none of versions 1"):
        load_newest(tmp_path, "idc", lambda _path: Wrong())


def test_device_that_answers_nan_is_refused(tmp_path: Path) -> None:
    class Silent(RednessEngine):
        def infer(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.full(len(patches), np.nan, np.float32)

    write_tiny_bundle(tmp_path)

    with pytest.raises(ModelUnavailable):
        load_newest(tmp_path, "idc", lambda _path: Silent())


def test_device_that_fails_is_refused(tmp_path: Path) -> None:
    engine = RednessEngine()
    engine.failure = "the stick was pulled out"
    write_tiny_bundle(tmp_path)

    with pytest.raises(ModelUnavailable):
        load_newest(tmp_path, "idc", lambda _path: engine)


def test_missing_model_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"there is no version; put a bundle into"):
        load_newest(tmp_path, "idc", make_engine)


def test_model_is_warm_before_it_is_served(tmp_path: Path) -> None:
    engine = RednessEngine()
    write_tiny_bundle(tmp_path)

    load_newest(tmp_path, "idc", lambda _path: engine)

    assert set(engine.batch_sizes) == {5, 1}
