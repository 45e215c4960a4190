"""All patches of a data set in memory, decoded."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idc_trainer.data.index import index_patches
from idc_trainer.data.layouts import open_patches
from idc_trainer.data.source import PATCH, PatchSource, Progress

__all__ = ["PATCH", "PatchSet", "Progress", "list_patches", "read_patch_set"]


@dataclass(frozen=True)
class PatchSet:
    """Decoded patches with what is known of each."""

    patches: NDArray[np.uint8]
    """RGB, uint8, shape (N, 50, 50, 3), values 0-255."""
    labels: NDArray[np.bool_]
    """True where the patch holds IDC, shape (N,)."""
    patients: NDArray[np.str_]
    """Whose patch it is, shape (N,)."""
    names: NDArray[np.str_]
    """File names without folders, shape (N,)."""
    digests: NDArray[np.str_]
    """SHA-256 of each file's content, shape (N,)."""

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, patients: Collection[str]) -> "PatchSet":
        """The patches of some patients, in the same order."""
        chosen = np.isin(self.patients, sorted(patients))
        return PatchSet(
            self.patches[chosen],
            self.labels[chosen],
            self.patients[chosen],
            self.names[chosen],
            self.digests[chosen],
        )

    def classes_of(self) -> dict[str, frozenset[bool]]:
        """Which classes each patient has, by patient in order."""
        return {
            str(patient): frozenset(map(bool, np.unique(self.labels[self.patients == patient])))
            for patient in np.unique(self.patients)
        }

    def sha256(self) -> str:
        """One digest over the sorted digests of all files: the same for the same images in any layout."""
        return hashlib.sha256("\n".join(sorted(self.digests.tolist())).encode()).hexdigest()


def list_patches(path: Path) -> PatchSource:
    """List the patches of a data set; see `open_patches`."""
    return open_patches(path)


def read_patch_set(source: PatchSource, progress: Progress) -> PatchSet:
    """Read and decode all images; one of another size is scaled to 50 x 50 px.

    Raises:
        FileUnreadable: A file cannot be read or is no image of a patch.
    """
    index = index_patches(source, progress, skip_unreadable=False)
    patches = np.empty((len(index), PATCH.height_px, PATCH.width_px, 3), np.uint8)
    for row in range(len(index)):
        patches[row] = index.decode(row)
    return PatchSet(patches, index.labels, index.patients, index.names, index.digests.astype(np.str_))
