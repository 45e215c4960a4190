"""Compares two models on the same patients by a paired bootstrap over the patients (Efron & Tibshirani 1993)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from idc_contracts.bundle import Estimate
from idc_contracts.decision import DecisionCounts
from idc_contracts.promotion import ComparedMeasure, ModelDecisions, Verdict
from idc_trainer.evaluation.scored_patches import ScoredPatches

LEAST_PATIENTS: Final = 6
"""With fewer patients the test cannot tell worse from chance."""
RESAMPLES: Final = 10_000
_INTERVAL: Final = (0.025, 0.975)
_DECIMALS: Final = 4


@dataclass(frozen=True)
class Compared:
    patients: int
    """Patients with both classes."""
    verdict: Verdict
    auc: ComparedMeasure | None
    """Mean AUC within patients; None without patients."""
    balanced_accuracy: ComparedMeasure | None
    """Over all patches of a patient, at each model's own thresholds; `uncertain` counts half."""


def compare(candidate: ScoredPatches, serving: ScoredPatches | None, seed: int = 0) -> Compared:
    """Compare two models' scores of the same patches.

    A candidate is worse if the 95 % interval of its difference, in either measure, is below zero.

    Args:
        candidate: Its scores.
        serving: The scores of the model to compare with, in the same order; None if there is none.
        seed: Of the bootstrap.
    """
    ours = _within_patients(candidate)
    theirs = None if serving is None else _within_patients(serving)
    count = len(ours)
    if not count:
        return Compared(0, Verdict.UNTESTED, None, None)
    drawn = np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
    auc, balanced = (
        _measure(ours[:, column], None if theirs is None else theirs[:, column], drawn) for column in (0, 1)
    )
    return Compared(count, _verdict(count, auc, balanced), auc, balanced)


def decisions(scored: ScoredPatches) -> ModelDecisions:
    """Count what a model called the patches of each class."""
    return ModelDecisions(positives=_counts(scored, scored.labels), negatives=_counts(scored, ~scored.labels))


def _verdict(patients: int, *measures: ComparedMeasure) -> Verdict:
    if patients < LEAST_PATIENTS:
        return Verdict.UNTESTED
    differences = [measure.difference for measure in measures if measure.difference]
    worse = any(found.high is not None and found.high < 0 for found in differences)
    return Verdict.WORSE if worse else Verdict.NO_WORSE


def _counts(scored: ScoredPatches, rows: NDArray[np.bool_]) -> DecisionCounts:
    idc, no_idc = int((scored.called_idc & rows).sum()), int((scored.called_no_idc & rows).sum())
    return DecisionCounts(idc=idc, uncertain=int(rows.sum()) - idc - no_idc, no_idc=no_idc)


def _within_patients(scored: ScoredPatches) -> NDArray[np.float64]:
    """AUC and balanced accuracy of each patient with both classes, shape (patients, 2)."""
    points = (1.0 + scored.called_idc - scored.called_no_idc) / 2  # idc 1, uncertain 0.5, no_idc 0
    measures = []
    for patient in np.unique(scored.patients):
        rows = scored.patients == patient
        truth, score, point = scored.labels[rows], scored.probability[rows], points[rows]
        if truth.any() and not truth.all():
            measures.append((roc_auc_score(truth, score), (1 + point[truth].mean() - point[~truth].mean()) / 2))
    return np.array(measures, np.float64).reshape(-1, 2)


def _measure(
    ours: NDArray[np.float64], theirs: NDArray[np.float64] | None, drawn: NDArray[np.int64]
) -> ComparedMeasure:
    mean = round(float(ours.mean()), _DECIMALS)
    if theirs is None:
        return ComparedMeasure(candidate=mean)
    gap = ours - theirs
    value, low, high = (float(gap.mean()), *map(float, np.quantile(gap[drawn].mean(axis=1), _INTERVAL)))
    difference = Estimate(value=round(value, _DECIMALS), low=round(low, _DECIMALS), high=round(high, _DECIMALS))
    return ComparedMeasure(candidate=mean, serving=round(float(theirs.mean()), _DECIMALS), difference=difference)
