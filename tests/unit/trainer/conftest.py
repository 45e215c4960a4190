"""Fixtures of the trainer's tests."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from idc_trainer.data.index import PatchIndex
from idc_trainer.data.source import PatchFile
from support.memory_patches import MemoryPatches

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def silent() -> Callable[[str, int, int], None]:
    """Progress that no one watches."""

    def tell(_step: str, _done: int, _total: int) -> None:
        return None

    return tell


@pytest.fixture
def error_line(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Reads the one line that the trainer has said of an error."""

    def read() -> str:
        (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("idc-trainer: "))
        return line

    return read


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the cache of who runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-of-the-user"))


@pytest.fixture
def make_set() -> Callable[..., PatchIndex]:
    """Builds an index without images from (patient, label) pairs; digests are all different unless given."""

    def build(owners: list[tuple[str, int]], digests: list[str] | None = None) -> PatchIndex:
        names = [f"{index}.png" for index in range(len(owners))]
        files = tuple(
            PatchFile(f"{patient}/{label}/{name}", patient, label)
            for name, (patient, label) in zip(names, owners, strict=True)
        )
        return PatchIndex(
            source=MemoryPatches(dict.fromkeys(files, b"")),
            files=files,
            labels=np.array([label == 1 for _, label in owners]),
            patients=np.array([patient for patient, _ in owners]),
            names=np.array(names),
            digests=np.array(digests or names, "S64"),
            sizes_px=np.full((len(owners), 2), 50, np.int32),
        )

    return build
