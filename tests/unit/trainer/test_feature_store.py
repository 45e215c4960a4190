"""The store of features: whole blocks only, whoever is killed, and whatever the disk refuses."""

import errno
import hashlib
import os
import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_trainer.errors import CacheDamaged, OutputFull, OutputUnwritable
from idc_trainer.features.store import Digests, FeatureStore, write_block

WIDTH = 3


def _digests(*numbers: int) -> Digests:
    return np.array([hashlib.sha256(str(number).encode()).hexdigest() for number in numbers], "S64")


def _rows(*numbers: int) -> np.ndarray:
    """Features that tell by themselves whose they are."""
    return np.array([[number, number + 0.5, -number] for number in numbers], np.float32).reshape(-1, WIDTH)


def _write(folder: Path, *numbers: int) -> None:
    write_block(folder, _digests(*numbers), _rows(*numbers))


def _holds(folder: Path, *numbers: int) -> bool:
    store = FeatureStore(folder, WIDTH)
    np.testing.assert_array_equal(store.read(_digests(*numbers)), _rows(*numbers))
    return set(store.digests.tolist()) == set(_digests(*numbers).tolist())


@contextmanager
def _folder() -> Iterator[Path]:
    """A fresh folder for each example of a property."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_features_are_read_back_by_content_in_the_order_asked_for(tmp_path: Path) -> None:
    _write(tmp_path, 1, 2, 3)

    store = FeatureStore(tmp_path, WIDTH)

    assert len(store) == 3
    np.testing.assert_array_equal(store.read(_digests(3, 1, 3)), _rows(3, 1, 3))
    assert store.has(_digests(2, 4)).tolist() == [True, False]
    with pytest.raises(KeyError, match="1 patches have no features"):
        store.read(_digests(1, 4))


def test_a_missing_folder_is_an_empty_store(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "absent", WIDTH)

    assert (len(store), store.has(_digests(1, 2)).tolist()) == (0, [False, False])
    assert store.read(_digests()).shape == (0, WIDTH)


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=8), min_size=1, max_size=5))
def test_any_blocks_are_read_as_one_store(blocks: list[list[int]]) -> None:
    with _folder() as folder:
        for block in blocks:
            _write(folder, *block)

        assert _holds(folder, *sorted({number for block in blocks for number in block}))


class _Killed(BaseException):
    """Stands for SIGKILL between two system calls."""


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_writer_that_is_killed_leaves_the_store_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def killed(*_arguments: object, **_named: object) -> None:
        raise _Killed

    _write(tmp_path, 1, 2)
    monkeypatch.setattr(os if call == "fsync" else Path, call, killed)
    monkeypatch.setattr(Path, "unlink", killed)  # the draft stays behind
    with pytest.raises(_Killed):
        _write(tmp_path, 3, 4)
    monkeypatch.undo()

    assert len(list(tmp_path.iterdir())) == 2
    assert _holds(tmp_path, 1, 2)
    _write(tmp_path, 3, 4)
    assert _holds(tmp_path, 1, 2, 3, 4)


def test_writers_fill_one_store_at_the_same_time(tmp_path: Path) -> None:
    blocks = [(1, 2), (3, 4), (1, 2), (4, 5), (1, 2), (6,)] * 4

    with ThreadPoolExecutor(8) as writers:
        for done in [writers.submit(_write, tmp_path, *block) for block in blocks]:
            done.result()

    assert _holds(tmp_path, 1, 2, 3, 4, 5, 6)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_full_disk_is_reported_and_leaves_the_store_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    _write(tmp_path, 1, 2)
    monkeypatch.setattr(os, "fsync", sync)

    with pytest.raises(OutputFull, match="no space is left"):
        _write(tmp_path, 3, 4)

    assert len(list(tmp_path.iterdir())) == 1
    assert _holds(tmp_path, 1, 2)


def test_a_write_of_which_the_system_takes_a_part_leaves_the_store_whole(tmp_path: Path) -> None:
    """A real limit: the kernel writes up to it and refuses the rest, as a full disk does."""
    _write(tmp_path, 1, 2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        with pytest.raises(OutputUnwritable, match="File too large"):
            _write(tmp_path, 3, 4, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert len(list(tmp_path.iterdir())) == 1
    assert _holds(tmp_path, 1, 2)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputUnwritable, match="name a writable folder"):
        _write(tmp_path / "file" / "store", 1)


@pytest.mark.parametrize("size", [0, 5, 150, 260])
def test_a_damaged_block_is_reported(tmp_path: Path, size: int) -> None:
    _write(tmp_path, 1, 2)
    (path,) = tmp_path.iterdir()
    os.truncate(path, size)

    with pytest.raises(CacheDamaged, match=f"{path.name}.*delete {tmp_path}"):
        FeatureStore(tmp_path, WIDTH)


def test_an_open_store_reads_without_opening_a_block_again(tmp_path: Path) -> None:
    _write(tmp_path, 1, 2)
    store = FeatureStore(tmp_path, WIDTH)
    (path,) = tmp_path.iterdir()
    path.unlink()

    assert store.read(store.digests).shape == (2, WIDTH)


def test_a_block_of_another_width_is_an_error(tmp_path: Path) -> None:
    _write(tmp_path, 1)

    with pytest.raises(CacheDamaged, match="delete"):
        FeatureStore(tmp_path, WIDTH + 1)
