"""Chooses the two thresholds of a model on its validation patients, and counts what thresholds reach."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_trainer.errors import OperatingPointUnreachable
from idc_trainer.learning.head import balanced_weights

_CANDIDATES: Final = 400
_DECIMALS: Final = 4


@dataclass(frozen=True)
class Reached:
    """What two thresholds reach; NaN where no patch of the class is decided."""

    sensitivity: float
    """Share of the decided positives that are `idc`."""
    specificity: float
    """Share of the decided negatives that are `no_idc`."""
    coverage: float
    """Share of patches that are decided."""


def reached(
    thresholds: Thresholds,
    probability: NDArray[np.floating],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> Reached:
    """Count decisions, each patch by its weight.

    Args:
        thresholds: The two cuts.
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
    probability: NDArray[np.floating],
    labels: NDArray[np.bool_],
    patients: NDArray[np.str_],
    target_sensitivity: float,
    target_specificity: float,
) -> Thresholds:
    """Find the thresholds that decide most patches and still reach both targets over the decided ones.

    Both classes count the same and, within a class, each patient. Among equals the pair with the better of the worse
    figure wins, so that perfectly ranked patients get one cut in the middle and no uncertain band.

    Args:
        probability: Calibrated P(IDC) of validation patches, shape (N,).
        labels: True for IDC, shape (N,).
        patients: Whose patch it is, shape (N,).
        target_sensitivity: Least share of decided positives that are `idc`, 0.0-1.0.
        target_specificity: Least share of decided negatives that are `no_idc`, 0.0-1.0.

    Raises:
        OperatingPointUnreachable: No pair of thresholds reaches both targets.
    """
    cuts = _candidates(probability)
    weights = balanced_weights(labels, patients)
    below_positive = _share_below(cuts, probability[labels], weights[labels])
    below_negative = _share_below(cuts, probability[~labels], weights[~labels])
    # Rows are no_idc_below, columns idc_from.
    missed, caught = below_positive[:, None], 1 - below_positive[None, :]
    cleared, false_alarms = below_negative[:, None], 1 - below_negative[None, :]
    with np.errstate(invalid="ignore"):
        sensitivity, specificity = caught / (caught + missed), cleared / (cleared + false_alarms)
    slack = np.minimum(sensitivity - target_sensitivity, specificity - target_specificity)
    allowed = (cuts[:, None] <= cuts[None, :]) & (slack >= 0) & (caught > 0) & (cleared > 0)
    if not allowed.any():
        raise OperatingPointUnreachable(
            f"no thresholds reach sensitivity {target_sensitivity} and specificity {target_specificity} on the "
            "validation patients: lower --target-sensitivity or --target-specificity, or name other patients"
        )
    coverage = np.round((missed + caught + cleared + false_alarms) / 2, 9)
    best = np.where(allowed, coverage, -1.0).max()
    row, column = np.unravel_index(np.argmax(np.where(allowed & (coverage == best), slack, -np.inf)), slack.shape)
    return Thresholds(no_idc_below=float(cuts[row]), idc_from=float(cuts[column]))


def _candidates(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cuts between neighbouring probabilities, at most _CANDIDATES, rounded to what a person can read."""
    values = np.unique(probability.astype(np.float64))
    between = (values[1:] + values[:-1]) / 2 if len(values) > 1 else values
    if len(between) > _CANDIDATES:
        between = np.quantile(between, np.linspace(0, 1, _CANDIDATES))
    return np.unique(np.round(between, _DECIMALS))


def _share_below(
    cuts: NDArray[np.float64], probability: NDArray[np.floating], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    order = np.argsort(probability)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    share: NDArray[np.float64] = cumulative[np.searchsorted(probability[order], cuts, side="left")]
    return share
