import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_trainer.learning.augmentation import jitter_stain, turn
from support.made_patches import made_patch


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([made_patch(label, rng) for label in (0, 1, 0, 1)])


def test_jitter_of_strength_zero_changes_no_pixel(patches: np.ndarray) -> None:
    jittered = jitter_stain(patches, 0.0, np.random.default_rng(0))

    np.testing.assert_array_equal(jittered, patches)


def test_jitter_recolours_each_patch_differently(patches: np.ndarray) -> None:
    same = np.repeat(patches[:1], 3, axis=0)

    means = jitter_stain(same, 0.3, np.random.default_rng(0)).mean((1, 2))

    assert np.abs(means[0] - means[1]).max() > 1
    assert np.abs(means[1] - means[2]).max() > 1


@given(st.floats(0.0, 1.0), st.integers(0, 100))
def test_jitter_keeps_shape_and_type_and_gives_the_same_for_the_same_seed(strength: float, seed: int) -> None:
    patches = np.random.default_rng(seed).integers(0, 256, (2, 50, 50, 3)).astype(np.uint8)

    first, second = (jitter_stain(patches, strength, np.random.default_rng(seed), 0.4) for _ in range(2))

    assert (first.shape, first.dtype) == (patches.shape, np.uint8)
    np.testing.assert_array_equal(first, second)


def test_a_turned_patch_has_the_same_pixels_in_one_of_eight_orders(patches: np.ndarray) -> None:
    many = np.repeat(patches[1:2], 40, axis=0)

    turned = turn(many, np.random.default_rng(0))

    quarters = [np.rot90(patches[1], quarter) for quarter in range(4)]
    orders = [*quarters, *(patch[:, ::-1] for patch in quarters)]
    seen = {next(i for i, order in enumerate(orders) if np.array_equal(order, patch)) for patch in turned}
    assert seen == set(range(8))
