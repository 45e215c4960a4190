"""A disk of its own for a process: a tmpfs in a mount namespace, which anyone may make inside a user namespace."""

import subprocess
from pathlib import Path

import pytest

_MOUNT = 'mount -t tmpfs -o "size=$1,mode=0700" small "$2" && shift 2 && exec "$@"'


def on_small_disk(folder: Path, size: str) -> list[str]:
    """What goes before a command whose files in `folder` are to be on a disk of so many bytes, such as `64m`.

    Skips the test where the system makes no namespaces.
    """
    wrapped = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh", size, str(folder)]
    folder.mkdir(parents=True, exist_ok=True)
    tried = subprocess.run([*wrapped, "true"], check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"a small disk needs user namespaces: {tried.stderr.strip()}")
    return wrapped


class SmallDisk:
    """The disk of a process that runs so, seen from outside."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._folder = Path(f"/proc/{process.pid}/root{folder}")

    def fill(self) -> None:
        """Take all room that is left."""
        with (self._folder / "fill").open("ab", buffering=0) as file:
            for size in (1024 * 1024, 4096, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        """Give it back."""
        (self._folder / "fill").unlink()
