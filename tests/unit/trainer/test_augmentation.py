import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_trainer.features.augmentation import jitter_stain, rotate
from idc_trainer.features.variants import Jittered, Plain
from support.made_patches import made_patch

DIGESTS = st.binary(min_size=32, max_size=32).map(lambda raw: raw.hex().encode())


@pytest.fixture(scope="module")
def patch() -> np.ndarray:
    return made_patch(1, np.random.default_rng(0))


def test_jitter_of_strength_zero_changes_no_pixel(patch: np.ndarray) -> None:
    np.testing.assert_array_equal(jitter_stain(patch, 0.0, np.random.default_rng(0)), patch)


def test_jitter_recolours_a_patch_differently_each_time(patch: np.ndarray) -> None:
    rng = np.random.default_rng(0)

    means = np.stack([jitter_stain(patch, 0.3, rng).mean((0, 1)) for _ in range(3)])

    assert np.abs(np.diff(means, axis=0)).max(1).min() > 1


@given(st.floats(0.0, 1.0), st.integers(0, 100))
def test_jitter_keeps_shape_and_type_and_gives_the_same_for_the_same_seed(strength: float, seed: int) -> None:
    patch = np.random.default_rng(seed).integers(0, 256, (50, 50, 3)).astype(np.uint8)

    first, second = (jitter_stain(patch, strength, np.random.default_rng(seed), 0.4) for _ in range(2))

    assert (first.shape, first.dtype) == (patch.shape, np.uint8)
    np.testing.assert_array_equal(first, second)


def test_a_turned_patch_has_the_same_pixels_in_one_of_eight_orders(patch: np.ndarray) -> None:
    rng = np.random.default_rng(0)

    turned = [rotate(patch, rng) for _ in range(60)]

    quarters = [np.rot90(patch, quarter) for quarter in range(4)]
    orders = [*quarters, *(quarter[:, ::-1] for quarter in quarters)]
    assert {next(i for i, order in enumerate(orders) if np.array_equal(order, one)) for one in turned} == set(range(8))


@given(DIGESTS, st.integers(0, 1000), st.integers(1, 5))
def test_a_variant_shows_the_same_patch_always_in_the_same_way(digest: bytes, seed: int, number: int) -> None:
    patch = np.random.default_rng(seed).integers(0, 256, (50, 50, 3)).astype(np.uint8)
    variant = Jittered(seed, number, 0.3, 0.4)

    first, second = (variant.apply(patch, digest) for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_passes_seeds_and_patches_are_seen_differently(patch: np.ndarray) -> None:
    views = [
        Jittered(seed, number, 0.3, 0.4).apply(patch, digest)
        for seed in (0, 1)
        for number in (1, 2)
        for digest in (b"0" * 64, b"f" * 64)
    ]

    assert len({view.tobytes() for view in views}) == len(views)


def test_variants_have_keys_of_their_own_and_the_plain_one_changes_nothing(patch: np.ndarray) -> None:
    variants = [Plain(), Jittered(0, 1, 0.3, 0.4), Jittered(0, 2, 0.3, 0.4), Jittered(1, 1, 0.3, 0.4)]
    variants += [Jittered(0, 1, 0.31, 0.4), Jittered(0, 1, 0.3, 0.41)]

    assert len({variant.key for variant in variants}) == len(variants)
    assert Plain().apply(patch, b"0" * 64) is patch
