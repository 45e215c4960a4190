"""Made-up slides at 4.0 um per pixel, with the kind of each cell known. No patient's pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CELL_PX: Final = 50
GLASS: Final = (243, 242, 244)
FAT_CELL_PX: Final = 18

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MadeSlide:
    """A slide and what it shows."""

    pixels: Pixels
    """RGB, shape (height, width, 3)."""
    kinds: NDArray[np.str_]
    """Shape (rows, columns): a key of `KINDS`."""


def made_slide(kinds: list[list[str]], seed: int = 0) -> MadeSlide:
    """Draw a slide.

    Args:
        kinds: Rows of cells, each a key of `KINDS`.
        seed: Of the texture.
    """
    grid = np.array(kinds)
    rng = np.random.default_rng(seed)
    shape = (grid.shape[0] * CELL_PX, grid.shape[1] * CELL_PX)
    cells = grid.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    pixels = np.empty((*shape, 3))
    for kind in np.unique(grid):
        drawn = KINDS[str(kind)](shape, rng)
        pixels[cells == kind] = drawn[cells == kind]
    return MadeSlide(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), grid)


def tissue_slide(rows: int, columns: int, margin: int = 1, seed: int = 0) -> MadeSlide:
    """A slide of stroma with a dense tumour in its middle and `margin` cells of glass around."""
    kinds = [["glass"] * columns for _ in range(rows)]
    for row in range(margin, rows - margin):
        for column in range(margin, columns - margin):
            dense = abs(row - rows / 2) < rows / 6 and abs(column - columns / 2) < columns / 6
            kinds[row][column] = "tumour" if dense else "stroma"
    return made_slide(kinds, seed)


def _glass(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return np.array(GLASS) + rng.normal(0, 0.7, (*shape, 1))


def _dust(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return _glass(shape, rng) - 60 * (ndimage.gaussian_filter(rng.normal(size=(*shape, 1)), (6, 6, 0)) > 0)


def _stroma(shape: tuple[int, int], rng: np.random.Generator, density: float = 1.0, nuclei: float = 0.004) -> Floats:
    """Pink fibres with purple nuclei, by Beer-Lambert from made-up densities of both stains."""
    fibres = ndimage.gaussian_filter(rng.normal(size=shape), (1, 4))
    eosin = density * np.clip(0.8 + 0.5 * fibres / fibres.std(), 0.1, None)
    dots = ndimage.gaussian_filter((rng.random(shape) < nuclei).astype(float), 1.0)
    haematoxylin = density * np.clip(9 * dots, 0, 1.6)
    absorbed = eosin[..., None] * (0.03, 0.19, 0.09) + haematoxylin[..., None] * (0.32, 0.35, 0.14)
    return np.array(GLASS) * 10**-absorbed


def _tumour(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return _stroma(shape, rng, nuclei=0.05)


def _pale(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return _stroma(shape, rng, density=0.35)


def _fold(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    return np.array(GLASS) * (_tumour(shape, rng) / np.array(GLASS)) ** 5


def _fat(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Thin walls between round cells: where the nearest centre is hardly nearer than the second one."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    rows, columns = (side // FAT_CELL_PX + 2 for side in shape)
    centres = np.mgrid[:rows, :columns] * FAT_CELL_PX + rng.uniform(-5, 5, (2, rows, columns))
    near = [
        np.hypot(y - centres[0][r, c], x - centres[1][r, c])
        for dr in (0, 1)
        for dc in (0, 1)
        for r, c in [(np.minimum(y // FAT_CELL_PX + dr, rows - 1), np.minimum(x // FAT_CELL_PX + dc, columns - 1))]
    ]
    first, second = np.sort(near, axis=0)[:2]
    wall = np.clip(0.8 - (second - first) / 2, 0, 1)[..., None]
    return _glass(shape, rng) * 10 ** -(wall * (0.02, 0.2, 0.09))


def _ink(rgb: tuple[float, float, float]) -> Callable[[tuple[int, int], np.random.Generator], Floats]:
    return lambda shape, rng: np.array(rgb) + rng.normal(0, 4, (*shape, 1))


KINDS: Final = {
    "glass": _glass,
    "dust": _dust,
    "stroma": _stroma,
    "tumour": _tumour,
    "pale": _pale,
    "fold": _fold,
    "fat": _fat,
    "pen": _ink((40.0, 80.0, 170.0)),
    "green pen": _ink((30.0, 120.0, 80.0)),
    "red pen": _ink((215.0, 30.0, 50.0)),
    "black pen": _ink((28.0, 26.0, 30.0)),
    "blood": _ink((185.0, 55.0, 65.0)),
}
