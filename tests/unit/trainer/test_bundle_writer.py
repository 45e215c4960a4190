import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from idc_modelio.bundles import versions
from idc_trainer.errors import OutputFull, OutputUnwritable
from idc_trainer.export.bundle_writer import list_digests, new_bundle


def test_a_bundle_appears_whole_and_only_at_the_end(tmp_path: Path) -> None:
    with new_bundle(tmp_path, "idc", "1") as folder:
        (folder / "a.txt").write_text("a")
        assert versions(tmp_path, "idc") == []
        assert not (tmp_path / "idc" / "1").exists()

    assert (tmp_path / "idc" / "1" / "a.txt").read_text() == "a"
    assert [path.name for path in (tmp_path / "idc").iterdir()] == ["1"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_bundle_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with new_bundle(tmp_path, "idc", "1") as folder:
            (folder / "half.txt").write_text("half")
            raise error

    with pytest.raises(error):
        fail()

    assert list((tmp_path / "idc").iterdir()) == []


def test_an_existing_version_is_never_changed(tmp_path: Path) -> None:
    (tmp_path / "idc" / "1").mkdir(parents=True)

    with pytest.raises(OutputUnwritable, match="--version"), new_bundle(tmp_path, "idc", "1"):
        pytest.fail("the folder must not be offered")


def test_a_version_that_another_run_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    def write_while_another_run_does() -> None:
        with new_bundle(tmp_path, "idc", "1") as folder:
            (folder / "mine.txt").write_text("mine")
            (tmp_path / "idc" / "1").mkdir()
            (tmp_path / "idc" / "1" / "theirs.txt").write_text("theirs")

    with pytest.raises(OutputUnwritable):
        write_while_another_run_does()

    assert [path.name for path in (tmp_path / "idc" / "1").iterdir()] == ["theirs.txt"]


def test_digests_cover_sub_folders_and_not_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("x")
    (tmp_path / "manifest.json").write_text("{}")

    assert list(list_digests(tmp_path)) == ["report/index.html"]


_KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
from idc_trainer.export.bundle_writer import new_bundle
with new_bundle(Path(sys.argv[1]), "idc", "1") as folder:
    (folder / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_bundle_whose_writer_is_killed_is_never_visible(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", _KILLED_IN_THE_MIDDLE, str(tmp_path)], timeout=60, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert versions(tmp_path, "idc") == []
    with new_bundle(tmp_path, "idc", "1") as folder, new_bundle(tmp_path, "idc", "2") as other:
        assert [*folder.iterdir(), *other.iterdir()] == []  # a run that lives keeps its folder
        assert len(list((tmp_path / "idc").iterdir())) == 2  # what the killed one left is gone
    assert versions(tmp_path, "idc") == [2, 1]


@pytest.mark.parametrize(
    ("number", "error", "text"),
    [
        (errno.EROFS, OutputUnwritable, "Read-only file system.*name a writable folder"),
        (errno.EACCES, OutputUnwritable, "Permission denied"),
        (errno.ENOSPC, OutputFull, "free some and run the same command again"),
        (errno.EDQUOT, OutputFull, "no space is left"),
    ],
)
def test_a_folder_that_cannot_be_written_is_reported_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception], text: str
) -> None:
    def refuse(**_: object) -> str:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)

    with pytest.raises(error, match=text), new_bundle(tmp_path, "idc", "1"):
        pytest.fail("the folder must not be offered")


def test_a_disk_that_fills_up_while_the_bundle_is_written_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with new_bundle(tmp_path, "idc", "1") as folder:
            (folder / "half.txt").write_text("half")
            with Path("/dev/full").open("w") as full:
                full.write("the rest")

    with pytest.raises(OutputFull, match="no space is left"):
        write()

    assert list((tmp_path / "idc").iterdir()) == []


def test_a_disk_that_refuses_the_last_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def write() -> None:
        with new_bundle(tmp_path, "idc", "1") as folder:
            (folder / "whole.txt").write_text("whole")
            monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(OutputFull):
        write()

    assert list((tmp_path / "idc").iterdir()) == []


def test_a_service_of_another_user_can_read_the_bundle(tmp_path: Path) -> None:
    with new_bundle(tmp_path, "idc", "1") as folder:
        (folder / "a.txt").write_text("a")

    assert (tmp_path / "idc" / "1").stat().st_mode & 0o777 == 0o755
