"""Stain and sharpness change with what changes in a laboratory or a scanner, and with nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_modelio.appearance import appearance_of, sharpness_of
from support.stained_patches import stained_patches

USUAL = appearance_of(stained_patches(1, 20))


def test_darker_stain_is_denser_and_has_the_same_hue() -> None:
    dark = appearance_of(stained_patches(1, 20, density=1.5))

    assert dark.stain_density.mean() > 1.3 * USUAL.stain_density.mean()
    assert dark.stain_hue_deg.mean() == pytest.approx(USUAL.stain_hue_deg.mean(), abs=1)


def test_more_haematoxylin_is_bluer() -> None:
    blue = appearance_of(stained_patches(1, 20, haematoxylin=0.8))

    assert (blue.stain_hue_deg < USUAL.stain_hue_deg - 5).all()


def test_blur_lowers_sharpness_and_leaves_the_stain() -> None:
    blurred = appearance_of(stained_patches(1, 20, is_blurred=True))

    assert (blurred.sharpness < 0.5 * USUAL.sharpness).all()
    assert blurred.stain_density.mean() == pytest.approx(USUAL.stain_density.mean(), rel=0.1)


def test_patch_without_tissue_has_no_stain_and_no_edges() -> None:
    glass = appearance_of(np.full((1, 50, 50, 3), 250, np.uint8))

    assert np.isnan(glass.stain_density).all()
    assert np.isnan(glass.stain_hue_deg).all()
    assert glass.sharpness.tolist() == [0.0]


def test_sharpness_hardly_depends_on_contrast() -> None:
    patches = stained_patches(1, 20)
    pale = (128 + (patches.astype(np.float32) - 128) / 2).astype(np.uint8)

    assert sharpness_of(pale).mean() == pytest.approx(sharpness_of(patches).mean(), rel=0.1)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_any_colour_is_measured_or_is_no_tissue(red: int, green: int, blue: int) -> None:
    found = appearance_of(np.full((1, 5, 5, 3), (red, green, blue), np.uint8))

    hue_deg = found.stain_hue_deg[0]
    assert np.isnan(hue_deg) == np.isnan(found.stain_density[0])
    assert np.isnan(hue_deg) or 0 <= hue_deg < 360
