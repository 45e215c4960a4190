"""The store of features: whole rows only, whoever is killed, and whatever the disk refuses."""

import errno
import fcntl
import hashlib
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idc_trainer.errors import CacheDamaged, OutputFull, OutputUnwritable
from idc_trainer.features.store import Digests, FeatureStore, FeatureWriter, merge_parts
from idc_trainer.features.table import FeatureTable

WIDTH = 3
ROW_BYTES, DIGEST_BYTES = 4 * WIDTH, 64


def _digests(*numbers: int) -> Digests:
    return np.array([hashlib.sha256(str(number).encode()).hexdigest() for number in numbers], "S64")


def _rows(*numbers: int) -> np.ndarray:
    """Features that tell by themselves whose they are."""
    return np.array([[number, number + 0.5, -number] for number in numbers], np.float32).reshape(-1, WIDTH)


def _write(folder: Path, *numbers: int, part: str = "all") -> None:
    with FeatureWriter(folder, WIDTH, part) as writer:
        writer.append(_digests(*numbers), _rows(*numbers))


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


@settings(max_examples=60)
@given(st.integers(1, 6), st.data())
def test_a_writer_may_be_killed_at_any_byte(count: int, data: st.DataObject) -> None:
    with _folder() as folder:
        _write(folder, *range(count))
        left = data.draw(st.integers(0, count * ROW_BYTES)), data.draw(st.integers(0, count * DIGEST_BYTES))
        for suffix, size in zip((".features", ".digests"), left, strict=True):
            os.truncate(folder / f"all{suffix}", size)
        whole = min(left[0] // ROW_BYTES, left[1] // DIGEST_BYTES)

        kept = FeatureStore(folder, WIDTH)

        assert len(kept) == whole
        np.testing.assert_array_equal(kept.read(_digests(*range(whole))), _rows(*range(whole)))
        _write(folder, *range(whole, count + 2))
        np.testing.assert_array_equal(
            FeatureStore(folder, WIDTH).read(_digests(*range(count + 2))), _rows(*range(count + 2))
        )


def test_two_parts_are_read_as_one_store(tmp_path: Path) -> None:
    _write(tmp_path, 1, 2, part="a")
    _write(tmp_path, 3, 2, part="b")

    store = FeatureStore(tmp_path, WIDTH)

    np.testing.assert_array_equal(store.read(_digests(2, 3, 1)), _rows(2, 3, 1))


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=8), min_size=2, max_size=4))
def test_merging_keeps_every_row_once(parts: list[list[int]]) -> None:
    numbers = sorted({number for part in parts for number in part})
    with _folder() as folder:
        for name, part in enumerate(parts):
            _write(folder, *part, part=str(name))

        merge_parts(folder, WIDTH)

        store = FeatureStore(folder, WIDTH)
        assert len(list(folder.glob("*.digests"))) == len(list(folder.glob("*.features"))) == 1
        assert len(store) == len(numbers)
        np.testing.assert_array_equal(store.read(_digests(*numbers)), _rows(*numbers))


class _Killed(BaseException):
    """Stands for SIGKILL between two system calls."""


@pytest.mark.parametrize("call", range(7))
def test_a_merge_that_is_killed_at_any_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Its steps are two writes that reach the disk and four files that go; the seventh is never reached."""
    _write(tmp_path, 1, 2, part="a")
    _write(tmp_path, 2, 3, part="b")
    steps = iter(range(99))

    def killed_at(step: int) -> None:
        if step == call:
            raise _Killed

    real_sync, real_unlink = os.fsync, Path.unlink

    def sync(descriptor: int) -> None:
        killed_at(next(steps))
        real_sync(descriptor)

    def unlink(path: Path, missing_ok: bool = False) -> None:
        killed_at(next(steps))
        real_unlink(path, missing_ok)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "unlink", unlink)
    try:
        merge_parts(tmp_path, WIDTH)
    except _Killed:
        assert call < 6
    monkeypatch.undo()

    np.testing.assert_array_equal(FeatureStore(tmp_path, WIDTH).read(_digests(1, 2, 3)), _rows(1, 2, 3))
    merge_parts(tmp_path, WIDTH)
    np.testing.assert_array_equal(FeatureStore(tmp_path, WIDTH).read(_digests(1, 2, 3)), _rows(1, 2, 3))
    assert len(list(tmp_path.glob("*.digests"))) == 1


def test_one_part_needs_no_merge(tmp_path: Path) -> None:
    _write(tmp_path, 1, 2)

    merge_parts(tmp_path, WIDTH)

    assert [path.name for path in sorted(tmp_path.iterdir())] == ["all.digests", "all.features"]


def test_a_second_writer_of_a_part_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        FeatureWriter(tmp_path, WIDTH, "all"),
        pytest.raises(OutputUnwritable, match=r"another process writes .*--cache") as refused,
    ):
        FeatureWriter(tmp_path, WIDTH, "all")

    assert "\n" not in str(refused.value)
    _write(tmp_path, 1)


def test_a_part_that_is_being_written_is_not_merged_away(tmp_path: Path) -> None:
    _write(tmp_path, 1, part="a")
    _write(tmp_path, 2, part="b")

    with (tmp_path / "b.features").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OutputUnwritable, match="another process writes"):
            merge_parts(tmp_path, WIDTH)

    assert sorted(path.name for path in tmp_path.glob("*.digests")) == ["a.digests", "b.digests"]


def test_two_writers_fill_parts_of_their_own_side_by_side(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path, WIDTH, "a") as first, FeatureWriter(tmp_path, WIDTH, "b") as second:
        first.append(_digests(1), _rows(1))
        second.append(_digests(2), _rows(2))
        first.append(_digests(3), _rows(3))

    np.testing.assert_array_equal(FeatureStore(tmp_path, WIDTH).read(_digests(1, 2, 3)), _rows(1, 2, 3))


@pytest.mark.parametrize("failing", [1, 2])
def test_a_full_disk_is_told_and_leaves_the_store_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """The disk refuses the features, or takes them and refuses their digests."""
    calls = iter(range(1, 99))

    def sync(_descriptor: int) -> None:
        if next(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    _write(tmp_path, 1, 2)
    monkeypatch.setattr(os, "fsync", sync)

    with pytest.raises(OutputFull, match="no space is left"):
        _write(tmp_path, 3, 4)

    assert (tmp_path / "all.features").stat().st_size == 2 * ROW_BYTES
    assert (tmp_path / "all.digests").stat().st_size == 2 * DIGEST_BYTES
    np.testing.assert_array_equal(FeatureStore(tmp_path, WIDTH).read(_digests(1, 2)), _rows(1, 2))


def test_a_write_of_which_the_system_takes_a_part_leaves_the_store_whole(tmp_path: Path) -> None:
    """A real limit: the kernel writes up to it and refuses the rest, as a full disk does."""
    _write(tmp_path, 1, 2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * ROW_BYTES + 5, before[1]))
    try:
        with pytest.raises(OutputUnwritable, match="File too large"):
            _write(tmp_path, 3, 4, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert (tmp_path / "all.features").stat().st_size == 2 * ROW_BYTES
    _write(tmp_path, 3)
    np.testing.assert_array_equal(FeatureStore(tmp_path, WIDTH).read(_digests(1, 2, 3)), _rows(1, 2, 3))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputUnwritable, match="name a writable folder"):
        FeatureWriter(tmp_path / "file" / "store", WIDTH, "all")


def test_a_part_without_its_features_is_told(tmp_path: Path) -> None:
    _write(tmp_path, 1)
    (tmp_path / "all.features").unlink()

    with pytest.raises(CacheDamaged, match="delete"):
        FeatureStore(tmp_path, WIDTH)


@settings(max_examples=40)
@given(st.integers(0, 6), st.integers(1, 3), st.integers(0, 20), st.integers(0, 20))
def test_a_slice_of_a_table_is_that_slice_of_all_rows(count: int, passes: int, start: int, stop: int) -> None:
    with _folder() as folder:
        stores, expected = [], [np.empty((0, WIDTH), np.float32)]
        for number in range(passes):
            with FeatureWriter(folder / str(number), WIDTH, "all") as writer:
                rows = _rows(*range(count)) + 100 * number
                writer.append(_digests(*range(count)), rows)
            stores.append(FeatureStore(folder / str(number), WIDTH))
            expected.append(rows[::-1])
        table = FeatureTable(tuple(stores), _digests(*reversed(range(count))), WIDTH)

        assert table.shape == (passes * count, WIDTH)
        np.testing.assert_array_equal(table[start:stop], np.concatenate(expected)[start:stop])
