"""One encoded patch of each class."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class DemoPatches:
    """PNG bytes that the model in use decides clearly."""

    positive: bytes
    negative: bytes
    real: bool


def png_of(patch: NDArray[np.uint8]) -> bytes:
    """A patch (RGB, uint8, shape (height, width, 3), values 0-255) as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(patch).save(buffer, "PNG")
    return buffer.getvalue()


def solid_png(colour: tuple[int, int, int], side_px: int = 50) -> bytes:
    """A square PNG of one RGB colour."""
    return png_of(np.full((side_px, side_px, 3), colour, np.uint8))


def real_patches(data: Path) -> DemoPatches:
    """The demo image with IDC, and the first patch without of the 2018 system's first test list."""
    origin = data / "origin"
    names = (origin / "gui-set-1.txt").read_text(encoding="utf-8").split()
    negative = next(name for name in names if name.endswith("_class0.png"))
    patient = negative.partition("_")[0]
    encoded = (data / "idc" / patient / "0" / negative).read_bytes()
    return DemoPatches((origin / "positive.png").read_bytes(), encoded, real=True)


def made_up_patches() -> DemoPatches:
    """Two colours that the made-up model of `support.tiny_bundle` tells apart."""
    return DemoPatches(solid_png((250, 20, 20)), solid_png((10, 20, 20)), real=False)
