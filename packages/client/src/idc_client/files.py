"""Files that get their names only when they are whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from idc_client.errors import InputRejected


@contextmanager
def whole_file(out: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes the place of `out` at the end of the block; after an error there is none.

    Raises:
        InputRejected: It cannot be written.
    """
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as exc:
        raise InputRejected(f"{exc.filename or out}: {exc.strerror}") from exc
    finally:
        part.unlink(missing_ok=True)
