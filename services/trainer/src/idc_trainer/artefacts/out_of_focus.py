"""Patches that are blurred too much to be judged."""

import numpy as np
from PIL import Image, ImageFilter

from idc_trainer.artefacts.textures import SIDE_PX, Patch
from idc_trainer.augmentation.geometry import KERNELS

_LEAST_RADIUS_PX = 1.7


def blurred(patch: Patch, rng: np.random.Generator) -> Patch:
    """Blur by 1.7 to 9 px: a box, a Gaussian, or a coarser grid of pixels and back."""
    radius_px = float(rng.uniform(_LEAST_RADIUS_PX, 5) if rng.random() < 0.7 else rng.uniform(5, 9))
    image, kind = Image.fromarray(patch), int(rng.integers(3))
    if kind == 0:
        return np.asarray(image.filter(ImageFilter.BoxBlur(radius_px)))
    if kind == 1:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius_px)))
    cells = max(4, round(SIDE_PX / (radius_px * 1.6)))
    coarse = image.resize((cells, cells), Image.Resampling.BOX)
    return np.asarray(coarse.resize((SIDE_PX, SIDE_PX), KERNELS[int(rng.integers(1, len(KERNELS)))]))
