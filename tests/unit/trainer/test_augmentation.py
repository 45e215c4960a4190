import io
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from idc_trainer.augmentation import augment as augment_module
from idc_trainer.augmentation.augment import Augmentation, augment
from idc_trainer.augmentation.geometry import resample, rotate
from idc_trainer.augmentation.quality import blur_slightly, compress, pad_edge
from idc_trainer.augmentation.stain import DYES, jitter_light, jitter_stain, mix, unmix
from idc_trainer.features.variants import Augmented, Plain, variants
from support.made_patches import made_patch

DIGESTS = st.binary(min_size=32, max_size=32).map(lambda raw: raw.hex().encode())
OFF = Augmentation(**{setting.name: 0.0 for setting in fields(Augmentation)})
SETTINGS = Augmentation()


@pytest.fixture(scope="module")
def patch() -> np.ndarray:
    return made_patch(1, np.random.default_rng(0))


def test_jitter_of_strength_zero_changes_no_pixel(patch: np.ndarray) -> None:
    np.testing.assert_array_equal(jitter_stain(patch, 0.0, np.random.default_rng(0)), patch)


def test_mixing_what_was_unmixed_gives_the_same_pixels(patch: np.ndarray) -> None:
    np.testing.assert_array_equal(mix(unmix(patch), DYES, 50), patch)


def test_jitter_recolours_a_patch_differently_each_time(patch: np.ndarray) -> None:
    rng = np.random.default_rng(0)

    means = np.stack([jitter_stain(patch, 0.3, rng).mean((0, 1)) for _ in range(3)])

    assert np.abs(np.diff(means, axis=0)).max(1).min() > 1


def test_a_rotated_patch_has_the_same_pixels_in_one_of_eight_orders(patch: np.ndarray) -> None:
    rng = np.random.default_rng(0)

    rotated = [rotate(patch, rng) for _ in range(60)]

    quarters = [np.rot90(patch, quarter) for quarter in range(4)]
    orders = [*quarters, *(quarter[:, ::-1] for quarter in quarters)]
    found = {next(i for i, order in enumerate(orders) if np.array_equal(order, one)) for one in rotated}
    assert found == set(range(8))


@given(st.integers(0, 200))
def test_every_augmentation_keeps_shape_and_dtype_and_repeats_with_its_seed(seed: int) -> None:
    patch = np.random.default_rng(seed).integers(0, 256, (50, 50, 3)).astype(np.uint8)
    every = replace(SETTINGS, resampled=1.0, blurred=1.0, compressed=1.0, padded=1.0)

    first, second = (augment(patch, every, np.random.default_rng(seed)) for _ in range(2))

    assert (first.shape, first.dtype) == (patch.shape, np.uint8)
    np.testing.assert_array_equal(first, second)


def test_resampling_without_a_change_of_scale_keeps_the_picture(patch: np.ndarray) -> None:
    smooth = np.asarray(Image.fromarray(patch[:5, :5]).resize((50, 50), Image.Resampling.BICUBIC))

    found = resample(smooth, 0.0, np.random.default_rng(1))

    assert np.abs(found.astype(int) - smooth).mean() < 3


def test_compression_and_blur_change_details_only(patch: np.ndarray) -> None:
    for change in (compress, blur_slightly):
        found = change(patch, np.random.default_rng(0)).astype(float)

        assert 0 < np.abs(found - patch).mean() < 25
        assert abs(found.mean() - patch.mean()) < 3


def test_padding_paints_a_narrow_edge_in_one_colour(patch: np.ndarray) -> None:
    padded = pad_edge(patch, np.random.default_rng(0))

    changed = np.flatnonzero((padded != patch).any((1, 2)))
    assert 1 <= len(changed) <= 10
    assert len(np.unique(padded[changed])) == 1


def test_light_changes_brightness(patch: np.ndarray) -> None:
    assert abs(jitter_light(patch, 0.15, np.random.default_rng(3)).mean() - patch.mean()) > 0.5


@pytest.mark.parametrize(
    ("setting", "function"),
    [
        ("stain", "jitter_stain"),
        ("light", "jitter_light"),
        ("resampled", "resample"),
        ("blurred", "blur_slightly"),
        ("compressed", "compress"),
        ("padded", "pad_edge"),
    ],
)
def test_each_augmentation_has_a_switch_of_its_own(
    patch: np.ndarray, setting: str, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    for name in ("jitter_stain", "jitter_light", "resample", "blur_slightly", "compress", "pad_edge"):
        monkeypatch.setattr(augment_module, name, lambda patch, *_, name=name: done.append(name) or patch)

    augment(patch, OFF, np.random.default_rng(0))
    assert done == []

    augment(patch, replace(OFF, **{setting: 1.0}), np.random.default_rng(0))
    assert done == [function]


@given(DIGESTS, st.integers(0, 1000), st.integers(1, 5))
def test_a_variant_always_shows_the_same_patch_in_the_same_way(digest: bytes, seed: int, number: int) -> None:
    patch = np.random.default_rng(seed).integers(0, 256, (50, 50, 3)).astype(np.uint8)
    variant = Augmented(seed, number, SETTINGS)

    first, second = (variant.apply(patch, digest) for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_copies_seeds_and_patches_are_augmented_differently(patch: np.ndarray) -> None:
    seen = [
        Augmented(seed, number, SETTINGS).apply(patch, digest)
        for seed in (0, 1)
        for number in (1, 2)
        for digest in (b"0" * 64, b"f" * 64)
    ]

    assert len({one.tobytes() for one in seen}) == len(seen)


def test_variants_have_keys_of_their_own_and_the_plain_one_changes_nothing(patch: np.ndarray) -> None:
    found = [*variants(SETTINGS, 2, 0), Augmented(1, 1, SETTINGS), Augmented(0, 1, replace(SETTINGS, scale=0.1))]

    assert len({variant.key for variant in found}) == len(found) == 5
    assert isinstance(found[0], Plain)
    assert Plain().apply(patch, b"0" * 64) is patch


def test_an_augmented_patch_is_an_image_that_can_be_stored(patch: np.ndarray) -> None:
    file = io.BytesIO()
    Image.fromarray(augment(patch, SETTINGS, np.random.default_rng(0))).save(file, "PNG")

    assert Image.open(file).size == (50, 50)
