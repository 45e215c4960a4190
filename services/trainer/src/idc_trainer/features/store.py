"""A cache of computed features on disk, keyed by the content of the patch.

A store is a folder of blocks, `.npy` files with a row for each patch: its SHA-256 and its features. A block is written
under another name and renamed, so it is there whole or not at all, whenever its writer is killed; and any number of
processes and machines can fill one store.
"""

import io
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idc_modelio.durable import write_durably
from idc_trainer.errors import CacheDamaged, output_error

Digests = NDArray[np.bytes_]
"""SHA-256 of each patch's content, 64 hexadecimal digits (dtype S64), shape (N,)."""


class FeatureStore:
    """Reads the blocks that a store has when it is opened."""

    def __init__(self, folder: Path, width: int) -> None:
        """Read the digests of all blocks; a folder that does not exist is an empty store.

        Args:
            folder: The store.
            width: The number of features of a patch.

        Raises:
            CacheDamaged: A block cannot be read, or holds another number of features.
        """
        self._width = width
        # Opened once, by one thread: the parser that `np.load` calls may fail in several (CPython 3.11).
        self._blocks = [self._open(path) for path in sorted(folder.glob("*.npy"))]
        digests = [np.array(block["digest"]) for block in self._blocks]
        self._starts = np.cumsum([0, *map(len, digests)])
        together = np.concatenate([np.empty(0, "S64"), *digests])
        self._order = np.argsort(together, kind="stable")
        self._sorted = together[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    @property
    def digests(self) -> Digests:
        """The digests of all rows, sorted; one that is in two blocks occurs twice."""
        return self._sorted

    def has(self, digests: Digests) -> NDArray[np.bool_]:
        """Which patches have features in the store; bool, shape (N,)."""
        return self._find(digests)[1]

    def read(self, digests: Digests) -> NDArray[np.float32]:
        """The features of patches, float32, shape (N, width), in the order of `digests`.

        Raises:
            KeyError: A patch has no features in the store.
        """
        places, known = self._find(digests)
        if not known.all():
            raise KeyError(f"{int((~known).sum())} patches have no features in the store")
        rows = self._order[places]
        out = np.empty((len(digests), self._width), np.float32)
        blocks = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(blocks).tolist():
            wanted = blocks == number
            out[wanted] = self._blocks[number]["features"][rows[wanted] - self._starts[number]]
        return out

    def _find(self, digests: Digests) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The place of each digest among the sorted ones, and whether it is there."""
        if not len(self):
            return np.zeros(len(digests), np.intp), np.zeros(len(digests), np.bool_)
        places = np.minimum(np.searchsorted(self._sorted, digests), len(self) - 1)
        return places, self._sorted[places] == digests

    def _open(self, path: Path) -> NDArray[np.void]:
        try:
            block: NDArray[np.void] = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as exc:
            raise CacheDamaged(f"cannot read the features {path} ({exc}): delete {path.parent}") from exc
        if block.dtype != _row_type(self._width) or block.ndim != 1:
            raise CacheDamaged(f"{path} does not hold rows of {self._width} features: delete {path.parent}")
        return block


def write_block(folder: Path, digests: Digests, features: NDArray[np.float32]) -> None:
    """Add the features of some patches to a store; they are on the disk when this returns.

    The block is named after its patches, so that a block that two processes write is the same file.

    Args:
        folder: The store; created if missing.
        digests: At least one patch.
        features: Shape (N, width).

    Raises:
        OutputUnwritable, OutputFull: The block cannot be written; the store is as it was.
    """
    block = np.empty(len(digests), _row_type(features.shape[1]))
    block["digest"], block["features"] = digests, features
    content = io.BytesIO()  # `np.save` into a file loses the system's reason for a failed write
    np.save(content, block)
    name = sha256(block["digest"].tobytes()).hexdigest()[:32]
    try:
        write_durably(folder / f"{name}.npy", content.getvalue())
    except OSError as exc:
        raise output_error(folder, exc) from exc


def _row_type(width: int) -> np.dtype[np.void]:
    return np.dtype([("digest", "S64"), ("features", "<f4", (width,))])
