"""Stain colour and sharpness of patches: what changes with a laboratory, a stain or a scanner."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST_DENSITY: Final = 0.1
"""Of tissue, in green, which both stains take away: paler pixels are glass or background."""
NOISE_GREY: Final = 3.0
"""Keeps sharpness low where there is nothing to see."""
_DENSITY_OF: Final = (np.log10(256.0) - np.log10(np.arange(256) + 1.0)).astype(np.float32)


@dataclass(frozen=True)
class Appearance:
    """Of N patches, each float64, shape (N,); not a number for the stain of a patch without tissue."""

    stain_density: NDArray[np.float64]
    """Mean optical density of the tissue, over the three channels; 0.0 is glass."""
    stain_hue_deg: NDArray[np.float64]
    """The angle of the mean colour in the plane of chromaticity, 0-360: less is bluer (more haematoxylin), more is
    pinker (more eosin).

    van der Laak et al. 2000, "Hue-saturation-density (HSD) model for stain recognition in digital images from
    transmitted light microscopy".
    """
    sharpness: NDArray[np.float64]
    """See `sharpness_of`."""


def appearance_of(patches: NDArray[np.uint8]) -> Appearance:
    """Measure patches.

    Args:
        patches: RGB at about 4.0 um per pixel, uint8, shape (N, height, width, 3), values 0-255.
    """
    density = _DENSITY_OF[patches]
    tissue = density[..., 1] > LEAST_DENSITY
    pixels = tissue.sum(axis=(1, 2)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):  # a patch without tissue has no stain
        red, green, blue = (density * tissue[..., None]).sum(axis=(1, 2), dtype=np.float64).T / pixels
        mean = (red + green + blue) / 3
        hue_deg = np.degrees(np.arctan2((green - blue) / (np.sqrt(3) * mean), red / mean - 1))
    return Appearance(mean, hue_deg % 360, sharpness_of(patches))


def sharpness_of(patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The deviation of the Laplacian in green over that of green itself, float64, shape (N,).

    It depends on focus, and hardly on how much there is to see. The variance of the Laplacian as a measure of focus:
    Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy".

    Args:
        patches: RGB, uint8, shape (N, height, width, 3), at least 3 x 3 px.
    """
    green = patches[..., 1].astype(np.float32)
    middle = green[:, 1:-1, 1:-1]
    edges = -4 * middle
    for neighbours in (green[:, :-2, 1:-1], green[:, 2:, 1:-1], green[:, 1:-1, :-2], green[:, 1:-1, 2:]):
        edges += neighbours
    return np.asarray(edges.std(axis=(1, 2)) / (green.std(axis=(1, 2)) + NOISE_GREY), np.float64)
