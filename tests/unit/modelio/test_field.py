"""Which part of an image of a stated scale becomes the patch."""

import io

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from idc_modelio.field import FIELD_UM, LEAST_FIELD_UM, MAX_UM_PER_PX, MIN_UM_PER_PX, field_box
from idc_modelio.patches import MAX_SIDE_PX, MIN_SIDE_PX, decode_patch

sides_px = st.integers(MIN_SIDE_PX, MAX_SIDE_PX)
scales = st.floats(MIN_UM_PER_PX, MAX_UM_PER_PX)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def noise(width_px: int, height_px: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def decode(pixels: np.ndarray, um_per_px: float | None) -> np.ndarray:
    return decode_patch(png(pixels), height_px=50, width_px=50, um_per_px=um_per_px)


@given(sides_px, sides_px, scales)
def test_the_box_is_a_central_square_inside_the_image_that_shows_the_field(
    width_px: int, height_px: int, um_per_px: float
) -> None:
    box = field_box(width_px, height_px, um_per_px)
    assume(box is not None)
    assert box is not None
    left, upper, right, lower = box

    assert 0 <= left < right <= width_px
    assert 0 <= upper < lower <= height_px
    assert right - left == pytest.approx(lower - upper)
    assert left + right == pytest.approx(width_px)
    assert upper + lower == pytest.approx(height_px)
    assert LEAST_FIELD_UM - 1e-6 <= (right - left) * um_per_px <= FIELD_UM + 1e-6


@given(sides_px, sides_px, scales)
def test_an_image_has_no_box_if_and_only_if_a_side_is_narrower_than_the_least_field(
    width_px: int, height_px: int, um_per_px: float
) -> None:
    assert (field_box(width_px, height_px, um_per_px) is None) == (
        min(width_px, height_px) * um_per_px < LEAST_FIELD_UM
    )


@given(sides_px, sides_px, st.one_of(st.none(), scales))
def test_an_image_of_any_size_and_scale_becomes_a_patch_of_its_own_colour(
    width_px: int, height_px: int, um_per_px: float | None
) -> None:
    patch = decode(np.full((height_px, width_px, 3), (10, 20, 30), np.uint8), um_per_px)

    assert patch.shape == (50, 50, 3)
    assert (patch == (10, 20, 30)).all()


def test_the_centre_of_an_image_at_the_scale_of_the_model_keeps_its_very_pixels() -> None:
    pixels = noise(90, 60)

    np.testing.assert_array_equal(decode(pixels, 4.0), pixels[5:55, 20:70])


def test_a_finer_image_is_averaged_over_its_central_field() -> None:
    pixels = noise(500, 412)

    patch = decode(pixels, 0.5)

    centre = np.asarray(Image.fromarray(pixels[6:406, 50:450]).resize((50, 50), Image.Resampling.BILINEAR))
    # at the edge the filter averages with the pixels beside the field
    np.testing.assert_allclose(patch[1:-1, 1:-1], centre[1:-1, 1:-1], atol=1)


def test_what_lies_more_than_a_pixel_of_the_patch_outside_of_the_field_is_not_seen() -> None:
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[46:254, 46:254] = (200, 100, 150)

    assert (decode(pixels, 1.0) == (200, 100, 150)).all()


@pytest.mark.parametrize("um_per_px", [0.25, 1.0, 3.79])
def test_an_image_too_narrow_for_the_field_is_scaled_as_it_is(um_per_px: float) -> None:
    pixels = noise(120, 50)

    np.testing.assert_array_equal(decode(pixels, um_per_px), decode(pixels, None))
