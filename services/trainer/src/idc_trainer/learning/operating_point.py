"""Chooses the two thresholds of a model by risk control over patients, and measures thresholds.

Conformal risk control (Angelopoulos et al. 2024, theorem 1) with a patient as the unit and the loss "this patient does
not keep its target": the split-conformal quantile of the patients' own cuts (Papadopoulos et al. 2002).
docs/explanation/model.md says what that promises.
"""

import logging
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_contracts.bundle import OperatingPoint
from idc_trainer.errors import OperatingPointUnreachable

_STEPS: Final = 10_000
"""Thresholds have four decimals."""
_ROUNDING: Final = 1e-9
_LOG = logging.getLogger(__name__)

Scores = NDArray[np.floating]
Truth = NDArray[np.bool_]
Names = NDArray[np.str_]
Group = NDArray[Any]


@dataclass(frozen=True)
class Target:
    """What the thresholds must keep on new patients; all are shares, 0.0-1.0."""

    sensitivity: float = 0.9
    """The least share of a patient's positives that are not `no_idc`."""
    false_alarm_rate: float = 0.15
    """The largest share of a patient's negatives that are `idc`."""
    patients: float = 0.8
    """The least share of patients that keep the two above, each for itself."""
    most_uncertain: float = 0.15
    """The largest share of uncertain patches, mean of the patients."""
    allow_missed: bool = False
    """Whether a missed target is only told; otherwise it is an error."""


@dataclass(frozen=True)
class Reached:
    """The performance of two thresholds; NaN where no patch of the class is decided."""

    sensitivity: float
    """Share of the decided positives that are `idc`."""
    specificity: float
    """Share of the decided negatives that are `no_idc`."""
    coverage: float
    """Share of patches that are decided."""


def reached(thresholds: Thresholds, probability: Scores, labels: Truth) -> Reached:
    """Measure the decisions of two thresholds; `probability` is P(IDC), shape (N,), `labels` is True for IDC."""
    as_idc = probability >= thresholds.idc_from
    as_no_idc = probability < thresholds.no_idc_below
    decided = as_idc | as_no_idc
    return Reached(_mean(as_idc[decided & labels]), _mean(as_no_idc[decided & ~labels]), _mean(decided))


def choose_thresholds(probability: Scores, labels: Truth, patients: Names, target: Target) -> Thresholds:
    """Choose the thresholds on patients that the model was not trained on.

    Each patient has a highest lower cut and a lowest upper cut with which it keeps the target. The model's are those
    that as many patients keep as the target needs, with the finite-sample correction. If they cross, no patch needs to
    be uncertain and both become their mean. A patient counts for a cut if it has enough patches of the class to get
    one wrong, at least 1 / (1 - sensitivity) or 1 / false-alarm rate; if there is no such patient, all count.

    Args:
        probability: Calibrated P(IDC), shape (N,).
        labels: True for IDC, shape (N,); both classes occur.
        patients: The patient of each patch, shape (N,).
        target: What to reach.

    Raises:
        OperatingPointUnreachable: A target is missed, and `target.allow_missed` is not set.
    """
    probability = probability.astype(np.float64)
    may_miss, may_alarm = 1 - target.sensitivity, target.false_alarm_rate
    positives = _by_patient(probability, labels, patients, may_miss)
    negatives = _by_patient(probability, ~labels, patients, may_alarm)
    lowest = _kept_by([np.sort(own)[_errors(own, may_miss)] for own in positives], target.patients)
    highest = -_kept_by([np.sort(-own)[_errors(own, may_alarm)] for own in negatives], target.patients)
    low = math.floor(lowest * _STEPS + _ROUNDING) / _STEPS
    # from the upper cut on a patch is `idc`: it lies above the last negative that must not be
    high = min(math.floor(highest * _STEPS + _ROUNDING) + 1, _STEPS) / _STEPS
    if high <= low:
        low = high = round((low + high) / 2, 4)
    thresholds = Thresholds(no_idc_below=low, idc_from=high)
    missed = describe_point(thresholds, target, probability, labels, patients).missed
    if missed and not target.allow_missed:
        raise OperatingPointUnreachable(
            f"the operating point misses its target: {'; '.join(missed)}; set another (--target-sensitivity, "
            "--target-false-alarm-rate, --target-patients, --most-uncertain), bring more patients, or go on with "
            "--allow-missed-target"
        )
    for line in missed:
        _LOG.warning("THE OPERATING POINT MISSES ITS TARGET: %s", line)
    return thresholds


def describe_point(
    thresholds: Thresholds, target: Target, probability: Scores, labels: Truth, patients: Names
) -> OperatingPoint:
    """What two thresholds reach on the patients that they were chosen on; arguments as of `choose_thresholds`."""
    probability = probability.astype(np.float64)
    as_idc, as_no_idc = probability >= thresholds.idc_from, probability < thresholds.no_idc_below
    rates = reached(thresholds, probability, labels)
    sides = {
        "sensitivity": (as_no_idc, labels, 1 - target.sensitivity),
        "false-alarm rate": (as_idc, ~labels, target.false_alarm_rate),
    }
    kept: dict[str, float] = {}
    counted: dict[str, int] = {}
    missed: list[str] = []
    for name, (wrong, of_class, may_err) in sides.items():
        shares = [own.mean() for own in _by_patient(wrong, of_class, patients, may_err)]
        counted[name] = len(shares)
        kept[name] = sum(share <= may_err + _ROUNDING for share in shares) / (len(shares) + 1)
        if kept[name] < target.patients - _ROUNDING:
            missed.append(
                f"{name}: sure for {kept[name]:.0%} of new patients, {target.patients:.0%} wanted "
                f"(patients with enough patches: {len(shares)})"
            )
    uncertain = float(np.mean([(~own).mean() for own in _by_patient(as_idc | as_no_idc, None, patients)]))
    if uncertain > target.most_uncertain + _ROUNDING:
        missed.append(f"uncertain: {uncertain:.1%} of a mean patient's patches, {target.most_uncertain:.0%} allowed")
    missed += [f"no patch is {name}" for name, called in (("idc", as_idc), ("no_idc", as_no_idc)) if not called.any()]
    return OperatingPoint(
        target_sensitivity=target.sensitivity,
        target_specificity=round(1 - target.false_alarm_rate, 9),
        target_patients=target.patients,
        target_uncertain=target.most_uncertain,
        sensitivity_patients=counted["sensitivity"],
        sensitivity_kept_by=round(kept["sensitivity"], 4),
        specificity_patients=counted["false-alarm rate"],
        specificity_kept_by=round(kept["false-alarm rate"], 4),
        validation_sensitivity=_rounded(rates.sensitivity),
        validation_specificity=_rounded(rates.specificity),
        validation_coverage=round(rates.coverage, 4),
        validation_misses=_rounded(_mean(as_no_idc[labels])),
        validation_false_alarms=_rounded(_mean(as_idc[~labels])),
        validation_uncertain=round(uncertain, 4),
        missed=tuple(missed),
    )


def _by_patient(values: Group, of_class: Truth | None, patients: Names, may_err: float = 1.0) -> list[Group]:
    """The values of each patient that has enough patches of a class to get one wrong; of each with any if none has."""
    rows = np.arange(len(values)) if of_class is None else np.flatnonzero(of_class)
    rows = rows[np.argsort(patients[rows], kind="stable")]
    groups = np.split(values[rows], np.unique(patients[rows], return_index=True)[1][1:])
    return [own for own in groups if len(own) * may_err >= 1 - _ROUNDING] or groups


def _errors(own: Group, may_err: float) -> int:
    """How many of a patient's patches may be wrong."""
    return min(math.floor(len(own) * may_err + _ROUNDING), len(own) - 1)


def _kept_by(cuts: list[float], share: float) -> float:
    """The highest cut that a share of new patients keeps, given the highest that each known patient keeps.

    With few patients no cut is sure to be kept; then it is the lowest, which all known patients keep.
    """
    rank = math.floor((len(cuts) + 1) * (1 - share) + _ROUNDING)
    return float(sorted(cuts)[max(rank, 1) - 1])


def _mean(chosen: Truth) -> float:
    return float(chosen.mean()) if len(chosen) else float("nan")


def _rounded(share: float) -> float | None:
    return None if math.isnan(share) else round(share, 4)
