"""Slides with known truth, put together from the patches of a patient whose slide is there as a whole."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PATCH_PX = 50
GLASS = (243, 242, 244)
PLACE = re.compile(r"_x(\d+)_y(\d+)_class([01])\.png$")


@dataclass(frozen=True)
class ComposedSlide:
    """A slide at 4.0 um per pixel, whose cells are the patches."""

    patient: str
    pixels: NDArray[np.uint8]
    """RGB, shape (height, width, 3), sides multiples of 50; glass where there is no patch."""
    labels: NDArray[np.int8]
    """Shape (rows, columns): 1 IDC, 0 none, -1 where there is no patch."""


def complete_patients(data: Path) -> list[str]:
    """The patients whose patches are all there."""
    with (data / "patients.csv").open(encoding="utf-8") as file:
        return [row["patient"] for row in csv.DictReader(file) if row["complete_slide"] == "yes"]


def compose(data: Path, patient: str) -> ComposedSlide:
    """Put a patient's slide together.

    Args:
        data: The folder of `IDC_DATA`.
        patient: One of `complete_patients`.
    """
    places = []
    for file in sorted((data / "idc" / patient).rglob("*.png")):
        match = PLACE.search(file.name)
        assert match is not None, file
        x, y, label = map(int, match.groups())
        places.append((x // PATCH_PX, y // PATCH_PX, label, file))
    columns, rows = (1 + max(place[axis] for place in places) for axis in (0, 1))
    pixels = np.full((rows * PATCH_PX, columns * PATCH_PX, 3), GLASS, np.uint8)
    labels = np.full((rows, columns), -1, np.int8)
    for column, row, label, file in places:
        with Image.open(file) as image:
            patch = np.asarray(image.convert("RGB"))
        labels[row, column] = label
        pixels[row * PATCH_PX :, column * PATCH_PX :][: patch.shape[0], : patch.shape[1]] = patch
    return ComposedSlide(patient, pixels, labels)
