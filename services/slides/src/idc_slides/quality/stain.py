"""Optical density: how much of the light that passes the glass the tissue takes away."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

DEFAULT_GLASS: Final = (243, 242, 244)
LEAST_GLASS_SHARE: Final = 0.005
LEAST_GLASS_GREY: Final = 200
MOST_GLASS_TINT: Final = 25


def glass_colour(overview: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The commonest bright and nearly neutral colour, RGB, float32, shape (3,); a usual one where there is no glass."""
    planes = np.ascontiguousarray(np.moveaxis(overview, -1, 0))  # three times as fast as over the last axis
    darkest, brightest = planes.min(axis=0), planes.max(axis=0)
    is_bright = (darkest >= LEAST_GLASS_GREY) & (brightest - darkest <= MOST_GLASS_TINT)
    if is_bright.sum() < LEAST_GLASS_SHARE * is_bright.size:
        return np.array(DEFAULT_GLASS, np.float32)
    return np.array([np.bincount(plane[is_bright], minlength=256).argmax() for plane in planes], np.float32)


def optical_density(overview: NDArray[np.uint8], glass: NDArray[np.float32]) -> NDArray[np.float32]:
    """log10(glass / pixel) of each channel (Beer-Lambert), float32, shape (height, width, 3); 0 is glass."""
    table = np.log10(glass[None, :] + 1.0) - np.log10(np.arange(256, dtype=np.float32)[:, None] + 1.0)
    planes = np.empty((3, *overview.shape[:2]), np.float32)  # plane after plane, which is quicker to reduce
    for channel, plane in enumerate(planes):
        plane[:] = table[:, channel].astype(np.float32)[overview[..., channel]]
    return np.moveaxis(planes, 0, -1)
