"""Intervals by blocks of a slide and by patients above them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from idc_trainer.evaluation.bootstrap import evaluate
from idc_trainer.evaluation.intervals import BLOCK_PX, blocks_of, estimate, resampled_weights
from idc_trainer.evaluation.scored_patches import ScoredPatches
from support.made_scores import made_scores


def _at(scored: ScoredPatches, **changes: object) -> ScoredPatches:
    return ScoredPatches(**{**vars(scored), **changes})


def test_a_block_holds_neighbouring_patches_of_one_patient() -> None:
    scored = made_scores({"a": (40, 0), "b": (40, 0)})
    spread = _at(scored, x_px=scored.x_px * 3, y_px=scored.y_px * 3)

    block, sizes = blocks_of(spread)

    keys = list(zip(spread.patients, spread.x_px // BLOCK_PX, spread.y_px // BLOCK_PX, strict=True))
    assert all((keys[i] == keys[j]) == (block[i] == block[j]) for i in range(80) for j in range(80))
    assert sizes.sum() == len(set(keys))
    assert {int(number) for number in block[spread.patients == "a"]} == set(range(sizes[0]))


def test_a_patch_without_a_position_is_a_block_of_its_own() -> None:
    scored = made_scores({"a": (5, 5), "b": (3, 3)})
    placeless = _at(scored, x_px=np.full(16, -1, np.int32))

    block, sizes = blocks_of(placeless)

    assert sizes.tolist() == [10, 6]
    assert sorted(block.tolist()) == list(range(16))


@pytest.mark.parametrize("patients", [{"a": (30, 20)}, {"a": (30, 20), "b": (3, 1), "c": (0, 9)}])
def test_blocks_are_drawn_as_a_whole_and_as_many_as_the_drawn_patients_have(
    patients: dict[str, tuple[int, int]],
) -> None:
    scored = made_scores(patients)
    scored = _at(scored, x_px=scored.x_px * 7)
    block, sizes = blocks_of(scored)
    owner = np.repeat(np.arange(len(sizes)), sizes)

    drawn = np.concatenate(list(resampled_weights(scored, np.random.default_rng(0))))

    assert drawn.shape == (1000, len(scored))
    first = np.unique(block, return_index=True)[1]
    times = drawn[:, first]
    assert np.array_equal(times[:, block], drawn)
    copies = np.stack([times[:, owner == patient].sum(axis=1) / size for patient, size in enumerate(sizes)], axis=1)
    assert np.array_equal(copies, copies.round())
    assert (copies.sum(axis=1) == len(sizes)).all()
    assert times.mean(axis=0) == pytest.approx(np.ones(sizes.sum()), abs=0.15)


@given(st.sampled_from([0.0, 1.0]), st.integers(5, 300))
def test_a_share_of_0_or_1_has_the_interval_of_clopper_and_pearson(share: float, units: int) -> None:
    found = estimate(share, np.full(9, share), units, is_share=True)

    exact = binomtest(round(share * units), units).proportion_ci(0.95, "exact")
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_over_a_handful_of_units_or_without_variation_there_is_no_interval() -> None:
    drawn = np.linspace(0.4, 0.6, 100)

    few, same, enough = (estimate(0.5, *of, is_share=False) for of in ((drawn, 4), (np.full(100, 0.5), 9), (drawn, 5)))

    assert few is not None
    assert same is not None
    assert enough is not None
    assert few.low is few.high is same.low is same.high is None
    assert enough.low == pytest.approx(0.405)
    assert enough.high == pytest.approx(0.595)


def test_intervals_hold_the_value_and_narrow_with_more_patients() -> None:
    few, many = (evaluate(made_scores({str(n): (20, 20) for n in range(count)}), seed=0) for count in (5, 20))

    for name in ("auc", "f1_at_half", "ece", "misses"):
        narrow, wide = getattr(many.pooled, name), getattr(few.pooled, name)
        assert narrow.low <= narrow.value <= narrow.high
        assert narrow.high - narrow.low < wide.high - wide.low
        assert many.spread[name].mean.low < many.spread[name].mean.value < many.spread[name].mean.high


def test_neighbours_that_are_alike_widen_the_interval_of_their_patient() -> None:
    scored = made_scores({"a": (180, 180)})
    y_px = scored.y_px * 2
    alike = _at(scored, y_px=y_px, probability=np.where(y_px // BLOCK_PX % 2, 0.5, 0.9).astype(np.float32))
    placeless = _at(alike, x_px=np.full(360, -1, np.int32))

    by_block, by_patch = (evaluate(of, seed=0).patients["a"].coverage for of in (alike, placeless))

    assert by_block is not None
    assert by_patch is not None
    assert None not in (by_block.high, by_block.low, by_patch.high, by_patch.low)
    assert by_block.high - by_block.low > 3 * (by_patch.high - by_patch.low)  # type: ignore[operator]
