"""What the model was never taught: pen, folds, noise, drawings, other colours, other magnifications."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc_trainer.artefacts.little_tissue import glass
from idc_trainer.artefacts.textures import SIDE_PX, Patch, across, grid, smooth_field, to_pixels
from idc_trainer.augmentation.geometry import KERNELS
from idc_trainer.augmentation.stain import DYES, mix, unmix

_PENS: Final = ((20, 40, 160), (20, 130, 60), (190, 30, 40), (15, 15, 20), (60, 20, 120))
_BROWN_DYE: Final = DYES[2]
_LEAST_DYE_DISTANCE: Final = 0.45
"""Between the optical density of a made dye and that of haematoxylin or eosin, both of length 1."""
_LUMA: Final = (0.299, 0.587, 0.114)
"""Of red, green and blue (ITU-R BT.601)."""


def pen(patch: Patch, rng: np.random.Generator) -> Patch:
    """A broad stroke of a felt pen over tissue or glass."""
    ink = np.array(_PENS[int(rng.integers(len(_PENS)))]) + rng.normal(0, 20, 3)
    distance_px = np.abs(across(rng, 3) - rng.uniform(-8, 8))
    opacity = (distance_px < rng.uniform(14, 60))[..., None] * rng.uniform(0.75, 1)
    below = (patch if rng.random() < 0.5 else glass(rng)).astype(np.float32)
    shine = below * 0.12 * rng.uniform(0, 1) + rng.normal(0, 3, below.shape)
    return to_pixels(below * (1 - opacity) + opacity * (ink + shine))


def fold(patch: Patch, rng: np.random.Generator) -> Patch:
    """A dark fold: several layers of tissue on each other, and shadow."""
    cover = 1 / (1 + np.exp((np.abs(across(rng, 3)) - rng.uniform(14, 40)) / 2))[..., None]
    density = -np.log((patch.astype(np.float32) + 1) / 256)
    folded = density * (1 + cover * rng.uniform(1.5, 4)) + cover * rng.uniform(0.2, 1)
    return to_pixels(np.exp(-folded) * 256 - 1)


def noise(rng: np.random.Generator) -> Patch:
    """Uniform, normal, grey or coarse noise."""
    kind = int(rng.integers(4))
    if kind == 0:
        return rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    if kind == 1:
        return to_pixels(rng.normal(rng.uniform(40, 220), rng.uniform(15, 90), (SIDE_PX, SIDE_PX, 3)))
    if kind == 2:
        return np.repeat(rng.integers(0, 256, (SIDE_PX, SIDE_PX, 1)), 3, 2).astype(np.uint8)
    cells = int(rng.integers(3, 26))
    coarse = Image.fromarray(rng.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
    kernel = KERNELS[int(rng.integers(len(KERNELS)))] if rng.random() < 0.7 else Image.Resampling.NEAREST
    return np.asarray(coarse.resize((SIDE_PX, SIDE_PX), kernel))


def drawing(rng: np.random.Generator) -> Patch:
    """Lines, boxes and discs on a plain or cloudy ground: what pages, screens and photographs consist of."""
    canvas = np.tile(rng.integers(0, 256, 3).astype(np.float32), (SIDE_PX, SIDE_PX, 1))
    if rng.random() < 0.5:
        canvas += np.stack([smooth_field(rng, rng.uniform(10, 70)) for _ in range(3)], -1)
    rows, columns = grid()
    for _ in range(int(rng.integers(1, 14))):
        kind, (row, column) = int(rng.integers(3)), rng.uniform(-5, SIDE_PX, 2)
        if kind == 0:
            shape = np.abs(across(rng, 0.01) - rng.uniform(-20, 20)) < rng.uniform(0.5, 3)
        elif kind == 1:
            right, below = column + rng.uniform(2, 30), row + rng.uniform(1, 20)
            shape = (columns > column) & (columns < right) & (rows > row) & (rows < below)
        else:
            shape = (rows - row) ** 2 + (columns - column) ** 2 < rng.uniform(1, 15) ** 2
        canvas[shape] = rng.integers(0, 256, 3)
    return to_pixels(canvas)


def grey(patch: Patch, rng: np.random.Generator) -> Patch:
    """Tissue without colour, as it is or with another contrast; some as a negative."""
    luma = patch @ np.array(_LUMA)
    if rng.random() < 0.5:
        luma = (luma - luma.mean()) * rng.uniform(0.6, 1.6) + rng.uniform(60, 200)
    values = np.clip(luma, 0, 255)
    return to_pixels(np.repeat((255 - values if rng.random() < 0.2 else values)[..., None], 3, 2))


def other_stain(patch: Patch, rng: np.random.Generator) -> Patch:
    """Exchanged colours, a negative, haematoxylin with a brown dye as in immunohistochemistry, or two other dyes."""
    kind = int(rng.integers(4))
    if kind == 0:
        orders = ((1, 0, 2), (1, 2, 0), (2, 1, 0), (0, 2, 1), (2, 0, 1))
        return np.ascontiguousarray(patch[..., orders[int(rng.integers(len(orders)))]])
    if kind == 1:
        return 255 - patch
    amounts = np.clip(unmix(patch), 0, None)
    if kind == 2:
        second = _BROWN_DYE + rng.normal(0, 0.05, 3)
        if rng.random() < 0.5:
            amounts[:, 1] *= np.clip(smooth_field(rng, 1), 0, 2).reshape(-1)
        dyes = np.stack([DYES[0], second, DYES[2]])
    else:
        dyes = np.stack([_other_dye(DYES[0], rng), _other_dye(DYES[1], rng), DYES[2]])
    return mix(amounts, dyes.astype(np.float32), SIDE_PX)


def magnified(patch: Patch, rng: np.random.Generator) -> Patch:
    """A part of the field 2 to 8 times as large; most with detail that an objective would add."""
    width = SIDE_PX / rng.uniform(2, 8)
    left, top = rng.uniform(0, SIDE_PX - width, 2).tolist()
    kernel = KERNELS[int(rng.integers(1, len(KERNELS)))]
    box = (left, top, left + width, top + width)
    enlarged = Image.fromarray(patch).resize((SIDE_PX, SIDE_PX), kernel, box=box)
    values = np.asarray(enlarged, np.float64)
    if rng.random() < 0.7:
        detail = smooth_field(rng, rng.uniform(5, 25), int(rng.integers(8, 30)))[..., None]
        values = values + detail + rng.normal(0, rng.uniform(0, 6), (SIDE_PX, SIDE_PX, 1))
    return to_pixels(values)


def shrunk(patch: Patch, rng: np.random.Generator) -> Patch:
    """A field 2 to 4 times as wide: the patch and its mirror images, side by side, made smaller."""
    pair = np.concatenate([patch, patch[:, ::-1]], 1)
    tile = np.concatenate([pair, pair[::-1]], 0)
    wide = SIDE_PX * int(rng.integers(2, 5))
    row, column = rng.integers(0, SIDE_PX, 2).tolist()
    field = np.tile(tile, (3, 3, 1))[row : row + wide, column : column + wide]
    kernel = Image.Resampling.BOX if rng.random() < 0.5 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(field).resize((SIDE_PX, SIDE_PX), kernel))


def _other_dye(known: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float64]:
    """A random dye's optical density, length 1, that is not like a known one."""
    while True:
        dye = rng.uniform(0, 1, 3)
        dye /= np.linalg.norm(dye)
        if np.linalg.norm(dye - known) > _LEAST_DYE_DISTANCE:
            return dye
