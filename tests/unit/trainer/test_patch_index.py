import hashlib
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np
import pytest

from idc_trainer.data.folder import FolderSource, open_folder
from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.left_out import Reason
from idc_trainer.data.source import Listing, PatchFile, PatientsFrom
from idc_trainer.errors import FileUnreadable
from idc_trainer.progress import Progress
from support.made_patches import made_patch, write_patch, write_patch_folder, write_patch_zip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_patch_folder(tmp_path / "tree", {"a": (2, 1), "b": (0, 2)})


@pytest.fixture
def index(tree: Path, silent: Progress) -> PatchIndex:
    return index_patches(open_patches(tree), silent, skip_unreadable=False)


def test_the_index_says_of_each_file_what_it_is(tree: Path, index: PatchIndex) -> None:
    paths = [tree / file.path for file in index.files]

    assert (len(index), index.labels.dtype, index.digests.dtype) == (5, np.bool_, np.dtype("S64"))
    assert index.patients.tolist() == ["a", "a", "a", "b", "b"]
    assert index.labels.tolist() == [False, False, True, True, True]
    assert index.names.tolist() == [path.name for path in paths]
    assert index.digests.tolist() == [hashlib.sha256(path.read_bytes()).hexdigest().encode() for path in paths]
    assert index.classes_of() == {"a": frozenset({False, True}), "b": frozenset({True})}
    assert (index.sizes_px.dtype, index.sizes_px.tolist()) == (np.int32, [[50, 50]] * 5)


def test_a_row_decodes_to_the_pixels_of_its_file(tmp_path: Path, silent: Progress) -> None:
    patch = made_patch(1, np.random.default_rng(0))
    path = write_patch(tmp_path, "a", 1, 0, patch)

    index = index_patches(open_patches(tmp_path), silent, skip_unreadable=False)

    np.testing.assert_array_equal(index.decode(0), patch)
    assert index.encoded(0) == path.read_bytes()


def test_the_size_is_that_of_the_file_and_the_pixels_are_50_by_50(tmp_path: Path, silent: Progress) -> None:
    write_patch(tmp_path, "a", 1, 0, made_patch(1, np.random.default_rng(0))[:35])

    index = index_patches(open_patches(tmp_path), silent, skip_unreadable=False)

    assert index.sizes_px.tolist() == [[35, 50]]
    assert index.decode(0).shape == (50, 50, 3)


def test_the_digest_of_the_data_is_the_same_in_a_zip(tree: Path, index: PatchIndex, silent: Progress) -> None:
    archive = write_patch_zip(tree.parent / "set.zip", tree, ("x/",))

    zipped = index_patches(open_patches(archive), silent, skip_unreadable=False)

    assert zipped.sha256() == index.sha256()
    assert zipped.of(["a"]).sha256() == index.of(["a"]).sha256() != index.sha256()
    assert zipped.digests.tolist() == index.digests.tolist()


def test_rows_are_chosen_by_mask_number_or_patient(index: PatchIndex) -> None:
    assert index.rows(index.labels).names.tolist() == index.names[2:].tolist()
    assert index.rows(np.array([4, 0])).files == (index.files[4], index.files[0])
    assert index.of(["b"]).patients.tolist() == ["b", "b"]
    assert len(index.of([])) == 0


def test_damaged_files_among_many_are_left_out_and_listed(tmp_path: Path, silent: Progress) -> None:
    tree = write_patch_folder(tmp_path, {"a": (60, 60)})
    paths = sorted(tree.rglob("*.png"))
    paths[7].write_bytes(paths[7].read_bytes()[:100])
    paths[100].write_bytes(b"text")

    index = index_patches(open_patches(tree), silent, skip_unreadable=True)

    assert len(index) == len(index.labels) == len(index.digests) == 118
    details = {file.path: file.detail for file in index.left_out if file.reason is Reason.UNREADABLE}
    assert details.keys() == {paths[row].relative_to(tree).as_posix() for row in (7, 100)}
    assert "ends early" in details[paths[7].relative_to(tree).as_posix()]


def test_a_file_that_changes_after_it_was_indexed_is_not_taken_for_the_same(tree: Path, index: PatchIndex) -> None:
    (tree / index.files[1].path).write_bytes((tree / index.files[0].path).read_bytes())

    with pytest.raises(FileUnreadable, match="was changed"):
        index.decode(1)


def test_each_file_is_read_once_and_few_are_ahead_of_the_progress(tree: Path) -> None:
    class CountingSource(FolderSource):
        def __init__(self, root: Path, listing: Listing) -> None:
            super().__init__(root, listing)
            self.reads = 0
            self._count = Lock()

        def read(self, file: PatchFile) -> bytes:
            with self._count:
                self.reads += 1
            return super().read(file)

    listing = open_folder(tree, PatientsFrom.NAMES).listing
    source = CountingSource(tree, replace(listing, files=[*listing.files] * 40))
    ahead: list[int] = []

    index_patches(source, lambda _step, done, _total: ahead.append(source.reads - done), skip_unreadable=False)

    assert source.reads == len(ahead) == 200
    assert max(ahead) <= 33
