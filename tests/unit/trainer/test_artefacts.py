"""Every kind of artefact looks like what it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idc_trainer.artefacts.kinds import KINDS, Quality, any_artefact
from support.made_patches import made_patch

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(scope="module")
def patch() -> np.ndarray:
    return made_patch(1, np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@given(seed=st.integers(0, 50))
def test_an_artefact_is_a_patch_of_pixels_and_repeats_with_its_seed(kind, seed: int) -> None:  # type: ignore[no-untyped-def]
    patch = made_patch(seed % 2, np.random.default_rng(seed))

    first, second = (kind.make(patch, np.random.default_rng(seed)) for _ in range(2))

    assert (first.shape, first.dtype) == ((50, 50, 3), np.uint8)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_artefacts_of_one_kind_differ(kind, patch: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)

    assert len({kind.make(patch, rng).tobytes() for _ in range(30)}) > 10


def _made(name: str, patch: np.ndarray, count: int = 40) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [BY_NAME[name].make(patch, rng).astype(float) for _ in range(count)]


def test_glass_is_bright(patch: np.ndarray) -> None:
    assert min(made.mean() for made in _made("glass", patch)) > 215


def test_flat_colours_have_no_structure(patch: np.ndarray) -> None:
    assert max(made.std((0, 1)).max() for made in _made("flat", patch)) < 25


def test_padding_covers_nearly_half_or_more(patch: np.ndarray) -> None:
    for made in _made("padded", patch):
        _, counts = np.unique(made.reshape(-1, 3), axis=0, return_counts=True)
        assert counts.max() >= 0.4 * 2500


def test_grey_has_no_colour(patch: np.ndarray) -> None:
    assert max(np.ptp(made, axis=2).max() for made in _made("grey", patch)) == 0


def test_blur_takes_detail_away(patch: np.ndarray) -> None:
    def detail(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image, axis=0)).mean())

    assert max(detail(made) for made in _made("blurred", patch)) < 0.5 * detail(patch.astype(float))


def test_a_fold_is_darker(patch: np.ndarray) -> None:
    assert max(made.mean() for made in _made("fold", patch)) < patch.mean()


def test_another_stain_has_other_colours(patch: np.ndarray) -> None:
    gaps = [np.abs(made.mean((0, 1)) - patch.mean((0, 1))).max() for made in _made("other stain", patch)]

    assert np.median(gaps) > 20


def test_every_kind_and_every_quality_but_a_patch_is_drawn(patch: np.ndarray) -> None:
    rng = np.random.default_rng(0)

    found = {any_artefact(patch, rng)[1] for _ in range(200)}

    assert found == set(Quality) - {Quality.PATCH}
    assert {kind.quality for kind in KINDS} == found
