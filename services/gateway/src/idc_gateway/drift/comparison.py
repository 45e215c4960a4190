"""Compares a measure of the latest patches with the training's: a shift of patients beyond what patients differ by.

Patches of one patient are alike, so a patient counts, not a patch. The latest patients' means are weighed as in a
random-effects model (DerSimonian & Laird 1986, "Meta-analysis in clinical trials") whose spread is the training's, and
their mean should lie in the training's prediction interval (Higgins et al. 2009, "A re-evaluation of random-effects
meta-analysis").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, fmean
from typing import Final

from idc_contracts.training_reference import MeasureReference

FALSE_ALARMS: Final = 0.01
"""How often some measure of unchanged patches lies outside by chance, all measures together (Bonferroni)."""
LEAST_PATCHES: Final = 20
"""With fewer nothing is said."""


class Shift(StrEnum):
    """Where the latest patches lie."""

    NONE = "none"
    HIGHER = "higher"
    LOWER = "lower"
    UNKNOWN = "unknown"
    """There are too few patches, or the model has no reference with a spread."""


@dataclass(frozen=True)
class MeasuredPatches:
    """A measure of the latest patches."""

    value: float | None
    """Each patient with the weight that its patches give; None without patches."""
    low: float | None
    """Between `low` and `high` the value of unchanged patches lies; None where that is unknown."""
    high: float | None
    shift: Shift
    patches: int
    patients: int


def compare(
    patients: Sequence[Sequence[float]], reference: MeasureReference | None, measures: int = 1
) -> MeasuredPatches:
    """Compare the values of each patient's patches with the reference.

    Args:
        patients: The patches of each patient, at least one each.
        reference: Of the model that serves; None if it has none.
        measures: How many measures are looked at together.
    """
    return compare_means([(fmean(values), len(values)) for values in patients], reference, measures)


def compare_means(
    patients: Sequence[tuple[float, int]], reference: MeasureReference | None, measures: int = 1
) -> MeasuredPatches:
    """As `compare`, by the mean of each patient's patches and their number."""
    means, count = [mean for mean, _ in patients], sum(patches for _, patches in patients)
    if not means:
        return MeasuredPatches(None, None, None, Shift.UNKNOWN, 0, 0)
    if reference is None or not (reference.deviation_between or reference.deviation_within):
        # What never varied in the training tells nothing of how much it may vary.
        return MeasuredPatches(fmean(means), None, None, Shift.UNKNOWN, count, len(means))
    variances = [_variance(reference, patches) for _, patches in patients]
    weight = sum(1 / variance for variance in variances)
    value = sum(mean / variance for mean, variance in zip(means, variances, strict=True)) / weight
    reach = t_quantile(1 - FALSE_ALARMS / measures / 2, reference.patients - 1)
    reach *= math.sqrt(1 / weight + reference.standard_error**2)
    low, high = reference.mean - reach, reference.mean + reach
    shift = Shift.UNKNOWN if count < LEAST_PATCHES else _shift(value, low, high)
    return MeasuredPatches(value, low, high, shift, count, len(means))


def _variance(reference: MeasureReference, patches: int) -> float:
    """Of the mean of an unchanged patient with so many patches."""
    return max(reference.deviation_between**2 + reference.deviation_within**2 / patches, 1e-12)


def _shift(value: float, low: float, high: float) -> Shift:
    if value > high:
        return Shift.HIGHER
    return Shift.LOWER if value < low else Shift.NONE


def t_quantile(share: float, degrees: int) -> float:
    """Of Student's t, to 0.3 % from nine degrees of freedom on (Abramowitz & Stegun 26.7.5)."""
    z = NormalDist().inv_cdf(share)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3
