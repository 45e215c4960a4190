"""Which features are computed, by whom, and that it does not matter in which order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_trainer.__main__ import main
from idc_trainer.augmentation.augment import Augmentation
from idc_trainer.data.index import PatchIndex
from idc_trainer.features import extraction
from idc_trainer.features.extraction import extract
from idc_trainer.features.store import FeatureStore
from idc_trainer.features.variants import Augmented, Plain
from idc_trainer.progress import Progress
from idc_trainer.workflows import preparation
from idc_trainer.workflows.shards import Shard
from support.made_patches import write_patch_folder
from support.memory_patches import MemoryPatches, made_index


class FakeRunner:
    """A graph that costs nothing: the mean colour of a patch and three pixels of it.

    It stands for `idc_trainer.features.extraction.Extractor`; `patches` counts what it was asked to compute.
    """

    width = 6

    def __init__(self) -> None:
        self.patches = 0

    def run(self, patches: np.ndarray) -> np.ndarray:
        self.patches += len(patches)
        return np.concatenate([patches.mean((1, 2)), patches[:, 3, 7]], axis=1).astype(np.float32)


AUGMENTED = Augmented(seed=0, number=1, augmentation=Augmentation())


@pytest.fixture(scope="module")
def index() -> PatchIndex:
    return made_index({"a": (5, 4), "b": (3, 6), "c": (0, 3)})


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


def test_only_what_the_store_lacks_is_computed(
    index: PatchIndex, runner: FakeRunner, silent: Progress, tmp_path: Path
) -> None:
    extract(index.of(["a"]), Plain(), runner, tmp_path, silent)
    assert runner.patches == 9

    store = extract(index, Plain(), runner, tmp_path, silent)
    assert (runner.patches, len(store)) == (21, 21)

    extract(index, Plain(), runner, tmp_path, silent)
    assert runner.patches == 21


def test_nothing_is_read_where_all_features_are_there(silent: Progress, runner: FakeRunner, tmp_path: Path) -> None:
    index = made_index({"a": (2, 2)})
    extract(index, Plain(), runner, tmp_path, silent)
    assert isinstance(index.source, MemoryPatches)
    reads = index.source.reads

    extract(index, Plain(), runner, tmp_path, silent)

    assert index.source.reads == reads


@pytest.mark.parametrize("variant", [Plain(), AUGMENTED])
def test_a_patch_has_the_same_features_in_any_order_and_block(
    index: PatchIndex,
    variant: Plain | Augmented,
    silent: Progress,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    straight = extract(index, variant, FakeRunner(), tmp_path / "straight", silent).read(index.digests)
    monkeypatch.setattr(extraction, "BLOCK", 4)
    shuffled = index.rows(np.random.default_rng(1).permutation(len(index)))

    other = extract(shuffled, variant, FakeRunner(), tmp_path / "shuffled", silent).read(index.digests)

    np.testing.assert_array_equal(other, straight)


def test_variants_are_kept_apart(index: PatchIndex, runner: FakeRunner, silent: Progress, tmp_path: Path) -> None:
    plain = extract(index, Plain(), runner, tmp_path, silent).read(index.digests)
    augmented = extract(index, AUGMENTED, runner, tmp_path, silent).read(index.digests)

    assert np.abs(plain - augmented).max() > 1
    np.testing.assert_allclose(plain[0, :3], index.decode(0).mean((0, 1)), rtol=1e-5)
    seen = AUGMENTED.apply(index.decode(0), bytes(index.digests[0]))
    np.testing.assert_allclose(augmented[0, :3], seen.mean((0, 1)), rtol=1e-5)


def test_an_interrupted_extraction_keeps_its_whole_blocks(
    index: PatchIndex, silent: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "BLOCK", 8)

    class Interrupted(FakeRunner):
        def run(self, patches: np.ndarray) -> np.ndarray:
            if self.patches:
                raise KeyboardInterrupt
            return super().run(patches)

    with pytest.raises(KeyboardInterrupt):
        extract(index, Plain(), Interrupted(), tmp_path, silent)
    assert len(FeatureStore(tmp_path / "plain", 6)) == 8

    runner = FakeRunner()
    extract(index, Plain(), runner, tmp_path, silent)
    assert runner.patches == len(index) - 8


def test_progress_counts_the_known_patches_too(index: PatchIndex, runner: FakeRunner, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    extract(index.of(["c"]), Plain(), runner, tmp_path, lambda *_: None)

    extract(index, Plain(), runner, tmp_path, lambda *step: told.append(step))

    assert told == [("features, plain", 21, 21)]


@given(st.integers(1, 12))
def test_shards_divide_the_patches(count: int) -> None:
    index = made_index({"a": (2, 3), "b": (3, 1)}, seed=5)

    parts = [Shard(number, count).of(index).digests.tolist() for number in range(count)]

    assert sorted(digest for part in parts for digest in part) == sorted(index.digests.tolist())
    assert len({digest for part in parts for digest in part}) == len(index)


def test_a_patch_is_in_the_same_shard_wherever_its_file_lies(index: PatchIndex) -> None:
    turned = index.rows(np.arange(len(index))[::-1])

    assert set(Shard(1, 3).of(index).digests.tolist()) == set(Shard(1, 3).of(turned).digests.tolist())


OPTIONS = ["--input-px", "32", "--stages", "stage3", "--passes", "1"]


def _command(command: str, data: Path, cache: Path, *more: str) -> int:
    return main(["features", command, "--data", str(data), "--cache", str(cache), *OPTIONS, *more])


def _features(cache: Path) -> dict[str, dict[bytes, list[float]]]:
    """All rows of all variants by digest."""
    (folder,) = (cache / "features").iterdir()
    found = {}
    for place in sorted(folder.iterdir()):
        store = FeatureStore(place, 24)
        found[place.name] = dict(zip(store.digests.tolist(), store.read(store.digests).tolist(), strict=True))
    return found


class _WideRunner(FakeRunner):
    """As many features as `stage3` has."""

    width = 24

    def run(self, patches: np.ndarray) -> np.ndarray:
        return np.tile(super().run(patches), 4)


def test_shards_give_what_one_machine_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparation, "feature_extractor", lambda _backbone: _WideRunner())
    data = write_patch_folder(tmp_path / "data", {"a": (3, 3), "b": (2, 2)})
    sharded, at_once = tmp_path / "sharded", tmp_path / "at-once"

    assert _command("extract", data, sharded, "--shard", "0/2") == 0
    first = int(capsys.readouterr().out.split("features of ")[1].split()[0])
    assert _command("extract", data, sharded, "--shard", "1/2") == 0
    assert f"shard 1/2: features of {10 - first} patches are in" in capsys.readouterr().out
    assert _command("extract", data, at_once) == 0

    together, expected = _features(sharded), _features(at_once)
    assert 0 < first < 10
    assert together.keys() == expected.keys() == {"plain", "augmented-0-1-0.3-0.15-0.3-0.05-0.2-0.3-0.1"}
    for variant, rows in expected.items():
        assert together[variant].keys() == rows.keys()
        for digest, row in rows.items():
            assert together[variant][digest] == row


@pytest.mark.parametrize("shard", ["2/2", "1", "-1/2", "1/0", "a/b", "0/\u0662"])
def test_an_invalid_shard_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: str) -> None:
    with pytest.raises(SystemExit) as ended:
        _command("extract", tmp_path, tmp_path, f"--shard={shard}")

    assert ended.value.code == 2
    assert "is not a shard: write I/N with I from 0 to N - 1" in capsys.readouterr().err
