"""An image in a folder is on the disk, whole, before it counts as stored."""

import os
import stat
from pathlib import Path

import pytest

from idc_gateway.errors import ImagesUnavailable
from idc_gateway.results.images import ImageStore, image_digest, new_object_name
from idc_gateway.results.object_images import open_images

IMAGE = b"\x89PNG and so on"
NAME = new_object_name(image_digest(IMAGE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def images(folder: Path) -> ImageStore:
    return open_images(f"file://{folder}")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order: files and folders that were synced, by kind, and renames."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    return done


def test_bytes_then_name_are_synced_before_the_image_counts_as_stored(images: ImageStore, disk: list[str]) -> None:
    images.put(NAME, IMAGE)

    assert disk[-3:] == ["file", "rename", "folder"]
    assert images.get(NAME) == IMAGE


def test_image_that_is_there_is_synced_again_but_not_written_again(images: ImageStore, disk: list[str]) -> None:
    images.put(NAME, IMAGE)
    disk.clear()

    images.put(NAME, IMAGE)

    assert disk == ["folder"]


def test_image_is_known_to_be_there_only_while_it_is_unharmed(images: ImageStore, folder: Path) -> None:
    images.put(NAME, IMAGE)
    (file,) = folder.rglob(NAME)

    assert images.has(NAME, IMAGE)
    file.write_bytes(IMAGE[:-1])
    assert not images.has(NAME, IMAGE)
    file.unlink()
    assert not images.has(NAME, IMAGE)


def test_crash_in_the_middle_leaves_no_image_and_its_rest_is_removed_later(
    images: ImageStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(_descriptor: int) -> None:
        raise OSError(5, "power cut")

    images.put(NAME, IMAGE)
    other = image_digest(b"other")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", power_cut)
        with pytest.raises(ImagesUnavailable, match="power cut"):
            images.put(other, b"other")
    rest = folder / NAME[:2] / f".{other}.x.part"
    rest.write_bytes(b"oth")
    os.utime(rest, (0, 0))

    opened = open_images(f"file://{folder}")

    assert opened.get(other) is None
    assert not rest.exists()
    assert opened.get(NAME) == IMAGE
