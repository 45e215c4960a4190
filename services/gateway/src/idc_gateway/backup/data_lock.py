"""One gateway at a time on a data folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idc_gateway.errors import CannotStart


@contextmanager
def data_lock(folder: Path) -> Iterator[None]:
    """Lock a data folder while the block runs; the system releases it when the process ends in any way.

    Raises CannotStart where another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "gateway.lock").open("ab")
    except OSError as exc:
        raise CannotStart(f"the data folder {folder} cannot be written: {exc.strerror}") from exc
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise CannotStart(f"a gateway uses the data folder {folder}: stop it first") from exc
        yield
