"""The SHA-256 of a file, computed beside what reads it."""

import hashlib
import os
from pathlib import Path
from threading import Event, Thread, get_native_id
from types import TracebackType
from typing import Final, Self

_PIECE_BYTES: Final = 1024 * 1024
_NICENESS: Final = 10


class FileDigest:
    """Reads a file in a thread, from `begin` on; the block's end stops it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sha256: str | None = None
        self._stopped, self._has_begun = Event(), False
        self._thread = Thread(target=self._read, name=f"digest of {path.name}", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._has_begun:
            self._thread.join()

    def begin(self) -> None:
        """Read, where it is not read yet."""
        if not self._has_begun:
            self._has_begun = True
            self._thread.start()

    def result(self) -> str | None:
        """The digest; None for a folder, or where the file could not be read to its end."""
        self.begin()
        self._thread.join()
        return self._sha256

    def _read(self) -> None:
        # Of this thread alone, as Linux has it: patches do not wait for a digest.
        os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICENESS)
        digest = hashlib.sha256()
        try:
            with self._path.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    if self._stopped.is_set():
                        return
                    digest.update(piece)
        except OSError:  # a folder; or a file that vanishes, which is noticed elsewhere
            return
        self._sha256 = digest.hexdigest()
