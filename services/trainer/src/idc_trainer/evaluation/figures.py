"""Measures a classifier per patient, with 95 % bootstrap intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from idc_contracts import Thresholds
from idc_contracts.bundle import Estimate, PatientMetrics
from idc_trainer.learning.operating_point import Reached, reached

RESAMPLES: Final = 1000
_INTERVAL: Final = (0.025, 0.975)
_DECIMALS: Final = 4

Side = Literal["validation", "test"]
Labels = NDArray[np.bool_]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class SideScores:
    """What the compiled model says of one side's patches."""

    side: Side
    probability: Probabilities
    """Calibrated P(IDC), shape (N,)."""
    labels: Labels
    """True for IDC, shape (N,)."""
    patients: NDArray[np.str_]
    names: NDArray[np.str_]


def auc(probability: Probabilities, labels: Labels) -> float:
    """Area under the ROC curve by ranks (Mann & Whitney 1947), NaN where a class is missing."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(probability)
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def balanced_accuracy_at(cut: float, probability: Probabilities, labels: Labels) -> float:
    """Mean of sensitivity and specificity with one cut and no uncertain band; NaN where a class is missing."""
    at_cut = reached(Thresholds(no_idc_below=cut, idc_from=cut), probability, labels)
    return (at_cut.sensitivity + at_cut.specificity) / 2


def measure_patients(scores: SideScores, thresholds: Thresholds, seed: int) -> list[PatientMetrics]:
    """Figures of each patient of one side, patients in order.

    Intervals come from resampling the patient's patches, each class for itself: they say how sure the figure is for
    this patient, and nothing of how much patients differ.
    """
    return [
        _measure(
            patient,
            scores.side,
            scores.probability[scores.patients == patient],
            scores.labels[scores.patients == patient],
            thresholds,
            np.random.default_rng(seed),
        )
        for patient in np.unique(scores.patients).tolist()
    ]


def _measure(
    patient: str,
    side: Side,
    probability: Probabilities,
    labels: Labels,
    thresholds: Thresholds,
    rng: np.random.Generator,
) -> PatientMetrics:
    samples = [_resample(labels, rng) for _ in range(RESAMPLES)]

    def at_thresholds(figure: Callable[[Reached], float]) -> Callable[[Probabilities, Labels], float]:
        return lambda p, y: figure(reached(thresholds, p, y))

    def estimate(figure: Callable[[Probabilities, Labels], float]) -> Estimate | None:
        value = figure(probability, labels)
        if np.isnan(value):
            return None
        low, high = np.nanquantile([figure(probability[rows], labels[rows]) for rows in samples], _INTERVAL)
        return Estimate(value=round(value, _DECIMALS), low=round(low, _DECIMALS), high=round(high, _DECIMALS))

    coverage = estimate(at_thresholds(lambda at: at.coverage))
    if coverage is None:
        raise ValueError(f"patient {patient!r} has no patch")
    return PatientMetrics(
        patient=patient,
        side=side,
        patches=len(labels),
        positives=int(labels.sum()),
        auc=estimate(auc),
        balanced_accuracy=estimate(at_thresholds(lambda at: (at.sensitivity + at.specificity) / 2)),
        sensitivity=estimate(at_thresholds(lambda at: at.sensitivity)),
        specificity=estimate(at_thresholds(lambda at: at.specificity)),
        coverage=coverage,
        brier=round(float(np.mean((probability - labels) ** 2)), _DECIMALS),
    )


def _resample(labels: Labels, rng: np.random.Generator) -> NDArray[np.intp]:
    rows = [np.flatnonzero(labels == label) for label in (False, True)]
    return np.concatenate([rng.choice(of_class, len(of_class)) for of_class in rows if len(of_class)])
