"""Chooses the two thresholds of a model on validation scores, and measures thresholds."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_trainer.errors import OperatingPointUnreachable
from idc_trainer.learning.sampling import balanced_weights

_DECIMALS: Final = 4
_ROUNDING: Final = 1e-9
"""Larger than the rounding error of a sum of two thresholds, smaller than a step between them."""


@dataclass(frozen=True)
class Reached:
    """The performance of two thresholds; NaN where no patch of the class is decided."""

    sensitivity: float
    """Share of the decided positives that are `idc`."""
    specificity: float
    """Share of the decided negatives that are `no_idc`."""
    coverage: float
    """Share of patches that are decided."""


@dataclass(frozen=True)
class Target:
    sensitivity: float = 0.95
    """The least share of positives that are not `no_idc`."""
    specificity: float = 0.95
    """The least share of negatives that are not `idc`, if the band's width allows it."""
    band_width: float = 0.3
    """The greatest width of the uncertain band in P(IDC), 0.0-1.0."""


def reached(
    thresholds: Thresholds,
    probability: NDArray[np.floating],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> Reached:
    """Measure the decisions of two thresholds on weighted patches.

    Args:
        thresholds: The two thresholds.
        probability: Calibrated P(IDC), shape (N,).
        labels: True for IDC, shape (N,).
        weights: The weight of each patch; None counts each as 1.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    as_idc = probability >= thresholds.idc_from
    as_no_idc = probability < thresholds.no_idc_below
    decided = as_idc | as_no_idc
    return Reached(
        sensitivity=_share(weights, as_idc, decided & labels),
        specificity=_share(weights, as_no_idc, decided & ~labels),
        coverage=_share(weights, decided, np.ones_like(labels)),
    )


def _share(weights: NDArray[np.float64], chosen: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    total = float(weights[among].sum())
    return float(weights[chosen & among].sum()) / total if total else float("nan")


def choose_thresholds(
    probability: NDArray[np.floating], labels: NDArray[np.bool_], patients: NDArray[np.str_], target: Target
) -> Thresholds:
    """Choose the thresholds on patients that the model was not trained on.

    The lower one, below which a patch is `no_idc`, is the highest that keeps the target's share of positives above it.
    The upper one, from which a patch is `idc`, is the lowest that keeps the target's share of negatives below it, but
    at most `band_width` above the lower one. If the lower one is not below the upper one, no patch needs to be
    uncertain and both become their mean. Classes have equal weight and, within a class, so have patients.

    Args:
        probability: Calibrated P(IDC), shape (N,).
        labels: True for IDC, shape (N,); both classes occur.
        patients: The patient of each patch, shape (N,).
        target: What to reach.

    Raises:
        OperatingPointUnreachable: No patch would be `no_idc`, or none `idc`.
    """
    weights = balanced_weights(labels, patients)
    cuts = _candidates(probability)
    missed = _share_below(cuts, probability[labels], weights[labels])
    cleared = _share_below(cuts, probability[~labels], weights[~labels])
    low = float(cuts[missed <= 1 - target.sensitivity].max())
    enough = cuts[cleared >= target.specificity]
    high = float(enough.min()) if len(enough) else float("inf")
    if high <= low:
        low = high = round((low + high) / 2, _DECIMALS)
    high = min(high, _widest(low, target.band_width))
    if not (probability < low).any() or not (probability >= high).any():
        raise OperatingPointUnreachable(
            f"with sensitivity {target.sensitivity} and specificity {target.specificity} no validation patch would be "
            "decided as one of the classes: lower --target-sensitivity or --target-specificity, or bring more patients"
        )
    return Thresholds(no_idc_below=low, idc_from=high)


def _widest(low: float, band_width: float) -> float:
    """The highest rounded threshold that is at most `band_width` above another."""
    cut = round(low + band_width, _DECIMALS)
    return cut if cut - low <= band_width + _ROUNDING else round(cut - 10.0**-_DECIMALS, _DECIMALS)


def _candidates(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Thresholds of `_DECIMALS` decimals, from below all probabilities to above them."""
    step = 10.0**-_DECIMALS
    low, high = max(np.floor(probability.min() / step) - 1, 0), np.ceil(probability.max() / step)
    cuts: NDArray[np.float64] = np.round(np.arange(low, high + 2) * step, _DECIMALS)
    return cuts[cuts <= 1.0]


def _share_below(
    cuts: NDArray[np.float64], probability: NDArray[np.floating], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    order = np.argsort(probability)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    share: NDArray[np.float64] = cumulative[np.searchsorted(probability[order], cuts, side="left")]
    return share
