"""Glass, flat colours, and patches that are mostly padding."""

import numpy as np
from numpy.typing import NDArray

from idc_trainer.artefacts.textures import SIDE_PX, Patch, grid, smooth_field, to_pixels

_PADDINGS = (0, 244, 255)


def glass(rng: np.random.Generator) -> Patch:
    """The slide's background: near white, uneven, with a sensor's noise; a third with specks of dust."""
    base = rng.uniform(228, 256) + rng.normal(0, 3, 3)
    uneven = smooth_field(rng, rng.uniform(0, 4))[..., None]
    values = base + uneven + rng.normal(0, rng.uniform(0, 3), (SIDE_PX, SIDE_PX, 3))
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 4))):
            values = values - _speck(rng)
    return to_pixels(values)


def flat(rng: np.random.Generator) -> Patch:
    """One colour: any, grey, or as pale as eosin; with or without a little noise."""
    kind = rng.random()
    if kind < 0.4:
        colour = rng.uniform(0, 256, 3)
    elif kind < 0.7:
        colour = np.full(3, rng.uniform(0, 256))
    else:
        colour = rng.uniform((200, 120, 170), (250, 220, 235))
    noise = rng.normal(0, rng.choice([0, 0, 1, 3, 6]), (SIDE_PX, SIDE_PX, 3))
    return to_pixels(colour + noise + smooth_field(rng, rng.choice([0, 0, 2, 5]))[..., None])


def padded(patch: Patch, rng: np.random.Generator) -> Patch:
    """Nearly half of the patch or more, from one side or all around, is one colour: black, white, glass or any."""
    padding = rng.choice(_PADDINGS) if rng.random() < 0.8 else rng.integers(0, 256, 3)
    if rng.random() < 0.2:
        frame_px = int(rng.integers(8, 20))
        framed = np.empty_like(patch)
        framed[:] = padding
        framed[frame_px:-frame_px, frame_px:-frame_px] = patch[frame_px:-frame_px, frame_px:-frame_px]
        return framed
    cut = np.rot90(patch, int(rng.integers(4))).copy()
    cut[: int(rng.integers(23, 46))] = padding
    return cut


def _speck(rng: np.random.Generator) -> NDArray[np.float64]:
    """How much darker dust makes each pixel."""
    rows, columns = grid()
    radius_px = rng.uniform(0.5, 3)
    row, column = rng.uniform(0, SIDE_PX, 2)
    spot = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * radius_px**2))
    darker: NDArray[np.float64] = spot[..., None] * rng.uniform(10, 120) * rng.uniform(0.6, 1, 3)
    return darker
