"""95 % intervals: a bootstrap of patients and, within each, of blocks of its slide; exact at shares of 0 and 1.

Bootstrap in two stages: Davison & Hinkley 1997, section 3.8. Neighbouring patches resemble each other, so that blocks
and not patches are drawn (Hall 1985). Clopper & Pearson 1934.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts.bundle import Estimate
from idc_trainer.evaluation.scored_patches import ScoredPatches

RESAMPLES: Final = 1000
LEAST_UNITS: Final = 5
"""No interval is given over fewer patients, or within a patient over fewer blocks."""
BLOCK_PX: Final = 500
"""The side of a block, in pixels of the slide: ten patches, some 2 mm."""
_MOST_WEIGHTS: Final = 200_000
"""In memory at a time."""
_ALPHA: Final = 0.05
_DECIMALS: Final = 4

Values = NDArray[np.float64]


def blocks_of(scored: ScoredPatches) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the blocks of each patient; a patch without a position is a block of its own.

    Returns:
        The block of each patch, shape (N,), and the number of blocks of each patient, patients sorted; the numbers of
        a patient's blocks follow those of the patient before it.
    """
    placed = (scored.x_px >= 0) & (scored.y_px >= 0)
    alone = np.where(placed, -1, np.arange(len(scored)))
    _, owner = np.unique(scored.patients, return_inverse=True)
    column, line = (np.where(placed, at_px // BLOCK_PX, 0) for at_px in (scored.x_px, scored.y_px))
    found, block = np.unique(np.stack([owner, column, line, alone]), axis=1, return_inverse=True)
    return block.reshape(-1), np.bincount(found[0])


def resampled_weights(scored: ScoredPatches, rng: np.random.Generator) -> Iterator[Values]:
    """How often each patch counts in each of `RESAMPLES` resamples: float64, in parts of shape (some resamples, N)."""
    block, sizes = blocks_of(scored)
    at_once = max(_MOST_WEIGHTS // len(scored), 1)
    for start in range(0, RESAMPLES, at_once):
        yield _times(sizes, min(at_once, RESAMPLES - start), rng)[:, block].astype(np.float64)


def _times(sizes: NDArray[np.intp], resamples: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """How often each block is drawn, shape (resamples, blocks), if patients have so many blocks."""
    if len(sizes) == 1:
        return rng.multinomial(sizes[0], np.full(sizes[0], 1 / sizes[0]), resamples)
    first, times = np.cumsum(sizes) - sizes, []
    for _ in range(resamples):
        patients = rng.integers(0, len(sizes), len(sizes))
        of, start = (np.repeat(values[patients], sizes[patients]) for values in (sizes, first))
        drawn = start + (rng.random(len(of)) * of).astype(np.intp)
        times.append(np.bincount(drawn, minlength=sizes.sum()))
    return np.array(times)


def units_with(scored: ScoredPatches, classes: tuple[bool, ...], *, within: bool) -> int:
    """The patients with patches of some classes, or within a patient its blocks with them."""
    chosen = scored.rows(np.isin(scored.labels, classes))
    return len(np.unique(blocks_of(chosen)[0] if within else chosen.patients)) if len(chosen) else 0


def estimate(value: float, drawn: Values, units: int, *, is_share: bool) -> Estimate | None:
    """A value with its interval; without one over few units, or if nothing varied.

    The resamples are shifted so that their mean is the value: repeated patches make the calibration error of a resample
    larger than that of the patches (Efron & Tibshirani 1993, chapter 10).

    Args:
        value: The measure; None is returned for NaN.
        drawn: The measure of each resample; NaN where a class was missing.
        units: The patients or blocks that were drawn from.
        is_share: Whether the value is a share; at 0 and 1, where no resample differs, its interval is exact.
    """
    if np.isnan(value):
        return None
    low, high = float("nan"), float("nan")
    if units >= LEAST_UNITS:
        if is_share and value in (0.0, 1.0):
            wide = 1 - (_ALPHA / 2) ** (1 / units)
            low, high = (0.0, wide) if value == 0.0 else (1 - wide, 1.0)
        elif not np.isnan(drawn).all():
            ends = np.nanquantile(drawn, (_ALPHA / 2, 1 - _ALPHA / 2)) + value - np.nanmean(drawn)
            low, high = ends.clip(0.0, 1.0)
    if not high > low:
        return Estimate(value=round(value, _DECIMALS))
    return Estimate(value=round(value, _DECIMALS), low=round(float(low), _DECIMALS), high=round(float(high), _DECIMALS))
