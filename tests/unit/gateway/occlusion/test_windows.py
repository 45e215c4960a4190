"""Hidden windows cover the patch, and the changes show where the answer depends on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idc_gateway.occlusion.windows import STEP_PX, WINDOW_PX, WINDOWS, changes, hidden_copies, mean_stain


def test_each_pixel_is_hidden_in_some_copy_and_the_rest_stays() -> None:
    patch = np.random.default_rng(0).integers(0, 200, (50, 50, 3), np.uint8)
    patch[..., 0] = 255  # never the colour of hidden windows

    differs = (hidden_copies(patch, mean_stain(patch)) != patch).any(axis=3)

    assert differs.any(axis=0).all()
    assert (differs.sum(axis=(1, 2)) <= WINDOW_PX**2).all()


@given(arrays(np.uint8, (50, 50, 3)))
def test_the_fill_lies_between_the_darkest_and_the_lightest_of_each_channel(patch: np.ndarray) -> None:
    fill, flat = mean_stain(patch), np.maximum(patch, 1).reshape(-1, 3)

    assert (fill >= flat.min(axis=0)).all()
    assert (fill <= flat.max(axis=0)).all()


def test_a_patch_of_one_colour_stays_as_it_is() -> None:
    patch = np.full((50, 50, 3), (210, 150, 190), np.uint8)

    assert (hidden_copies(patch, mean_stain(patch)) == patch).all()


@given(st.integers(0, WINDOWS - 1), st.integers(0, WINDOWS - 1))
def test_an_answer_that_rests_on_one_place_changes_there_most(row: int, column: int) -> None:
    patch = np.full((50, 50, 3), 220, np.uint8)
    y, x = row * STEP_PX + WINDOW_PX // 2, column * STEP_PX + WINDOW_PX // 2
    patch[y - 2 : y + 2, x - 2 : x + 2] = 40

    def model(pixels: np.ndarray) -> np.ndarray:
        dark = (pixels[..., 0] < 100).sum(axis=(-2, -1))
        return np.asarray(dark / 16)

    found = changes(float(model(patch)), model(hidden_copies(patch, mean_stain(patch))))

    assert found[row, column] == pytest.approx(1.0)
    assert np.unravel_index(found.argmax(), found.shape) == (row, column)
    far = np.hypot(*(np.mgrid[:WINDOWS, :WINDOWS] - np.array([row, column])[:, None, None])) > 3
    assert (found[far] == 0).all()
