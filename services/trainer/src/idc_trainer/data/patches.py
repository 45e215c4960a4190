"""Reads the data set's layout: `<patient>/<class>/*.png`, class 0 (no IDC) or 1 (IDC)."""

import hashlib
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import PatchSpec
from idc_modelio.errors import PatchError
from idc_modelio.patches import decode_patch
from idc_trainer.errors import DataEmpty, DataUnreadable, WrongLabel

PATCH: Final = PatchSpec(height_px=50, width_px=50)
"""The patch that the compiled graph takes: the public data set's size."""

_CLASS_IN_NAME: Final = re.compile(r"_class(\d+)\.png$")
_READERS: Final = 4

Progress = Callable[[str, int, int], None]
"""Told of each step: what is done, how many of how many."""


@dataclass(frozen=True)
class PatchFile:
    """One image of the data set, not yet read."""

    path: Path
    patient: str
    label: int


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
        """One digest over the sorted digests of all files: the same for the same images in any folder."""
        return hashlib.sha256("\n".join(sorted(self.digests.tolist())).encode()).hexdigest()


def list_patches(root: Path) -> list[PatchFile]:
    """Find the images below `root`, sorted by path.

    Raises:
        DataEmpty: The folder is not there or has no image in the layout.
        WrongLabel: A class folder is neither `0` nor `1`, or a file's name says another class than its folder.
    """
    if not root.is_dir():
        raise DataEmpty(f"the data folder {root} is not there: name a folder of <patient>/<class>/*.png with --data")
    files = [
        PatchFile(path, patient.name, _label(folder, path))
        for patient in sorted(root.iterdir())
        if patient.is_dir()
        for folder in sorted(patient.iterdir())
        if folder.is_dir()
        for path in sorted(folder.glob("*.png"))
    ]
    if not files:
        raise DataEmpty(f"no <patient>/<class>/*.png below {root}: name the folder that holds the patients' folders")
    return files


def _label(folder: Path, path: Path) -> int:
    if folder.name not in ("0", "1"):
        raise WrongLabel(f"{folder} is no class: name a class folder 0 (no IDC) or 1 (IDC)")
    said = _CLASS_IN_NAME.search(path.name)
    if said and said[1] != folder.name:
        raise WrongLabel(f"{path} says class {said[1]} but stands in folder {folder.name}: move or rename it")
    return int(folder.name)


def read_patch_set(files: list[PatchFile], progress: Progress) -> PatchSet:
    """Read and decode all images; one of another size is scaled to 50 x 50 px.

    Raises:
        DataUnreadable: A file cannot be read or is no image of a patch.
    """
    patches = np.empty((len(files), PATCH.height_px, PATCH.width_px, 3), np.uint8)
    digests: list[str] = []
    with ThreadPoolExecutor(_READERS) as readers:
        for index, (patch, digest) in enumerate(readers.map(_read, (file.path for file in files))):
            patches[index] = patch
            digests.append(digest)
            progress("reading patches", index + 1, len(files))
    return PatchSet(
        patches,
        np.array([file.label == 1 for file in files]),
        np.array([file.patient for file in files]),
        np.array([file.path.name for file in files]),
        np.array(digests),
    )


def _read(path: Path) -> tuple[NDArray[np.uint8], str]:
    try:
        data = path.read_bytes()
        patch = decode_patch(data, height_px=PATCH.height_px, width_px=PATCH.width_px)
    except PatchError as exc:
        raise DataUnreadable(f"{path}: {exc}; or move the file out of the data folder") from exc
    except OSError as exc:
        raise DataUnreadable(f"cannot read {path}: {exc.strerror}; make the file readable or move it away") from exc
    return patch, hashlib.sha256(data).hexdigest()
