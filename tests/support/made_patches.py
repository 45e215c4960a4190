"""Made-up patches in the data set's layout: dense purple for IDC, pale pink for none. No patient's pixels."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_PALE = np.array([225.0, 180.0, 205.0])
_DENSE = np.array([120.0, 75.0, 140.0])


def made_patch(label: int, rng: np.random.Generator, side_px: int = 50) -> NDArray[np.uint8]:
    """One patch, RGB, uint8, shape (side_px, side_px, 3); the classes overlap a little."""
    mix = np.clip(rng.normal(0.8 if label else 0.2, 0.15), 0, 1)
    colour = mix * _DENSE + (1 - mix) * _PALE
    noise = rng.normal(0, 12 + 25 * mix, (side_px, side_px, 1))
    return np.clip(np.rint(colour + noise), 0, 255).astype(np.uint8)


def write_patch(root: Path, patient: str, label: int, index: int, patch: NDArray[np.uint8]) -> Path:
    """Write one patch where the layout wants it; returns its path. Each class has a row of the slide to itself."""
    path = root / patient / str(label) / f"{patient}_idx5_x{index * 50}_y{label * 50 + 1}_class{label}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(patch).save(path)
    return path


def write_patch_folder(root: Path, patients: dict[str, tuple[int, int]], seed: int = 0) -> Path:
    """Write patients with so many patches of class 0 and of class 1; returns `root`."""
    rng = np.random.default_rng(seed)
    for patient, counts in patients.items():
        for label, count in enumerate(counts):
            for index in range(count):
                write_patch(root, patient, label, index, made_patch(label, rng))
    return root


def write_patch_zip(path: Path, folder: Path, tops: tuple[str, ...] = ("",)) -> Path:
    """Write the files of a folder into a zip, once below each of the top folders; returns `path`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for top in tops:
            for file in sorted(folder.rglob("*.png")):
                archive.write(file, top + file.relative_to(folder).as_posix())
    return path
