"""Patches in memory: a `PatchSource` without a disk, and an index of made-up patches from it."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from idc_trainer.data.index import PatchIndex, index_patches
from idc_trainer.data.source import Listing, PatchFile, PatientsFrom
from support.made_patches import made_patch


class MemoryPatches:
    """Implements `idc_trainer.data.source.PatchSource`; `reads` counts how often an image was asked for."""

    def __init__(self, images: Mapping[PatchFile, bytes]) -> None:
        self._images = dict(images)
        self.reads = 0

    @property
    def root(self) -> Path:
        return Path("memory")

    @property
    def listing(self) -> Listing:
        return Listing(tuple(self._images), PatientsFrom.NAMES)

    def read(self, file: PatchFile) -> bytes:
        self.reads += 1
        return self._images[file]


def made_index(patients: Mapping[str, tuple[int, int]], seed: int = 0) -> PatchIndex:
    """An index of made-up patches: patients with so many of class 0 and of class 1."""
    rng = np.random.default_rng(seed)
    images: dict[PatchFile, bytes] = {}
    for patient, counts in patients.items():
        for label, count in enumerate(counts):
            for number in range(count):
                png = io.BytesIO()
                Image.fromarray(made_patch(label, rng)).save(png, "PNG")
                name = f"{patient}_idx5_x{number * 50}_y1_class{label}.png"
                images[PatchFile(f"{patient}/{label}/{name}", patient, label)] = png.getvalue()
    return index_patches(MemoryPatches(images), lambda *_: None, skip_unreadable=False)
