"""Keeps computed features on disk by the content of the patch that they were computed from.

A store is a folder. Each writer appends to a part of its own: `<part>.features`, rows of little-endian float32, and
`<part>.digests`, the 64 hexadecimal digits of each row's patch. A row counts once both files hold it, so that a writer
may be killed at any moment; all parts together are the store, so that many machines can fill one.
"""

import fcntl
import io
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from idc_trainer.errors import CacheDamaged, OutputUnwritable, TrainerError, output_error

_DIGEST_BYTES: Final = 64
_MERGE_ROWS: Final = 8192

Digests = NDArray[np.bytes_]
"""SHA-256 of each patch's content, dtype S64, hexadecimal."""


class FeatureStore:
    """Reads all parts of a store."""

    def __init__(self, folder: Path, width: int) -> None:
        """Open what is there; a folder that is missing is an empty store.

        Args:
            folder: The store.
            width: The number of features of a patch.

        Raises:
            CacheDamaged: A part's files do not fit.
        """
        self._parts: list[NDArray[np.float32]] = []
        digests: list[Digests] = [np.empty(0, "S64")]
        for path in sorted(folder.glob("*.digests")):
            rows, known = _open_part(path, width)
            self._parts.append(rows)
            digests.append(known)
        self._width = width
        together = np.concatenate(digests)
        self._order = np.argsort(together, kind="stable")
        self._sorted = together[self._order]
        self._starts = np.cumsum([0, *map(len, self._parts)])

    def __len__(self) -> int:
        return len(self._sorted)

    @property
    def digests(self) -> Digests:
        """The digests of all rows, sorted; one that two parts hold stands twice."""
        return self._sorted

    def has(self, digests: Digests) -> NDArray[np.bool_]:
        """Which of some patches the store has the features of; bool, shape (N,)."""
        return self._find(digests)[1]

    def read(self, digests: Digests) -> NDArray[np.float32]:
        """The features of some patches, float32, shape (N, width), in their order.

        Raises:
            KeyError: The store lacks one of them.
        """
        found, known = self._find(digests)
        if not known.all():
            raise KeyError(f"{int((~known).sum())} patches have no features in the store")
        rows = self._order[found]
        out = np.empty((len(digests), self._width), np.float32)
        parts = np.searchsorted(self._starts, rows, side="right") - 1
        for index in np.unique(parts).tolist():
            of_part = parts == index
            out[of_part] = self._parts[index][rows[of_part] - self._starts[index]]
        return out

    def _find(self, digests: Digests) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Where each digest stands, or would stand, among the sorted ones, and whether it does."""
        if not len(self):
            return np.zeros(len(digests), np.intp), np.zeros(len(digests), np.bool_)
        found = np.minimum(np.searchsorted(self._sorted, digests), len(self) - 1)
        return found, self._sorted[found] == digests


def _open_part(path: Path, width: int) -> tuple[NDArray[np.float32], Digests]:
    features = path.with_suffix(".features")
    try:
        count = min(path.stat().st_size // _DIGEST_BYTES, features.stat().st_size // (4 * width))
        digests = np.fromfile(path, "S64", count)
        rows = np.memmap(features, "<f4", "r", shape=(count, width)) if count else np.empty((0, width), np.float32)
    except OSError as exc:
        raise CacheDamaged(f"cannot read the features {features} ({exc.strerror}): delete {path.parent}") from exc
    return rows, digests


class FeatureWriter:
    """Appends to one part of a store; one process at a time."""

    def __init__(self, folder: Path, width: int, part: str) -> None:
        """Open the part and cut off what a killed writer left half-written.

        Raises:
            OutputUnwritable: The folder cannot be written, or another process writes this part.
            OutputFull: There is no space left.
        """
        self._folder, self._row_bytes = folder, 4 * width
        with ExitStack() as opened:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                # Unbuffered: what a full disk refused must not wait in a buffer and be refused again while closing.
                self._features = opened.enter_context(_open_locked(folder / f"{part}.features", "ab"))
                self._digests = opened.enter_context((folder / f"{part}.digests").open("ab", buffering=0))
                self._rows = min(self._features.tell() // self._row_bytes, self._digests.tell() // _DIGEST_BYTES)
                self._cut()
            except TrainerError:
                raise
            except OSError as exc:
                raise output_error(folder, exc) from exc
            self._files = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def append(self, digests: Digests, rows: NDArray[np.float32]) -> None:
        """Add the features of some patches, shape (N, width); they are on the disk when this returns.

        Raises:
            OutputFull: There is no space left; what was there before stays whole.
        """
        try:
            _write(self._features, np.ascontiguousarray(rows, "<f4").tobytes())
            _write(self._digests, np.ascontiguousarray(digests, "S64").tobytes())
        except OSError as exc:
            with suppress(OSError):
                self._cut()
            raise output_error(self._folder, exc) from exc
        self._rows += len(rows)

    def _cut(self) -> None:
        self._features.truncate(self._rows * self._row_bytes)
        self._digests.truncate(self._rows * _DIGEST_BYTES)


def _open_locked(path: Path, mode: Literal["ab", "rb"]) -> io.FileIO:
    """Open one part's features for this process alone."""
    try:
        file = path.open(mode, buffering=0)
    except OSError as exc:
        raise output_error(path.parent, exc) from exc
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        raise OutputUnwritable(
            f"another process writes {path} ({exc.strerror}): wait for its end, or name another folder by --cache"
        ) from exc
    return file


def _write(file: io.FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def merge_parts(folder: Path, width: int) -> None:
    """Make one part of all parts of a store; each patch is in it once.

    The old parts go only when the new one is whole, so that a killed merge loses nothing. While it runs, no one else
    can write to them.

    Raises:
        OutputUnwritable: The folder cannot be written, or another process writes one of its parts.
        OutputFull: There is no space left.
    """
    parts = sorted(path.stem for path in folder.glob("*.digests"))
    if len(parts) < 2:
        return
    with ExitStack() as held:
        for part in parts:
            held.enter_context(_open_locked(folder / f"{part}.features", "rb"))
        store = FeatureStore(folder, width)
        digests = np.unique(store.digests)
        with FeatureWriter(folder, width, f"merged-{uuid4().hex[:8]}") as writer:
            for start in range(0, len(digests), _MERGE_ROWS):
                chosen = digests[start : start + _MERGE_ROWS]
                writer.append(chosen, store.read(chosen))
        _remove_parts(folder, parts)


def _remove_parts(folder: Path, parts: list[str]) -> None:
    try:
        for part in parts:
            for suffix in (".digests", ".features"):  # without its digests, a part is none
                (folder / f"{part}{suffix}").unlink()
    except OSError as exc:
        raise output_error(folder, exc) from exc
