"""One encoded patch of each class."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class DemoPatches:
    """PNG bytes that the model in use decides clearly."""

    positive: bytes
    negative: bytes
    real: bool


def solid_png(colour: tuple[int, int, int], side_px: int = 50) -> bytes:
    """A square PNG of one RGB colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (side_px, side_px), colour).save(buffer, "PNG")
    return buffer.getvalue()


def real_patches(data: Path) -> DemoPatches:
    """The two demo images of real tissue."""
    origin = data / "origin"
    return DemoPatches((origin / "positive.png").read_bytes(), (origin / "negative.png").read_bytes(), real=True)


def made_up_patches() -> DemoPatches:
    """Two colours that the made-up model of `support.tiny_bundle` tells apart."""
    return DemoPatches(solid_png((250, 20, 20)), solid_png((10, 20, 20)), real=False)
