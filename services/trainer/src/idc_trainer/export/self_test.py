"""Synthetic patches for a bundle's self-test, so that no patient's pixels leave the data folder."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import PATCH
from idc_trainer.graphs.runner import GraphRunner

COUNT: Final = 16
FILE: Final = "selftest.npz"
_CELL_PX: Final = 5
# Background, eosin and haematoxylin as they look on a slide, RGB.
_COLOURS: Final = np.array([[240, 238, 242], [215, 130, 175], [95, 60, 125]], np.float64)


def synthetic_patches(seed: int) -> NDArray[np.uint8]:
    """Random cells in the colours of H&E slides, from pale to dense: RGB, uint8, shape (16, 50, 50, 3), 0-255."""
    rng = np.random.default_rng(seed)
    rows, columns = PATCH.height_px // _CELL_PX, PATCH.width_px // _CELL_PX
    patches = []
    for density in np.linspace(0.05, 0.95, COUNT):
        shares = [1 - density, density / 2, density / 2]
        cells = _COLOURS[rng.choice(3, (rows, columns), p=shares)]
        blots = np.kron(cells, np.ones((_CELL_PX, _CELL_PX, 1)))
        patches.append(blots + rng.normal(0, 12, blots.shape))
    return np.clip(np.rint(np.stack(patches)), 0, 255).astype(np.uint8)


def write_self_test(runner: GraphRunner, seed: int, folder: Path) -> None:
    """Write synthetic patches and the graph's outputs for them into a bundle's folder."""
    patches = synthetic_patches(seed)
    arrays: dict[str, Any] = {"patches": patches, **runner.run_outputs(patches)}
    np.savez_compressed(folder / FILE, **arrays)
