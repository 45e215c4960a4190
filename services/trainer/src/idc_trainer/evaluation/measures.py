"""The metrics of a classifier on weighted patches: weights let a bootstrap count a patch or a patient several times.

AUC: Mann & Whitney 1947, ties count half. AUPRC: average precision, the sum of precision times the rise of recall. ECE:
Guo et al. 2017, 15 bins of equal width. Brier: Brier 1950. Sensitivity, specificity, balanced accuracy and F1 are over
the decided patches; coverage is their share.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from idc_trainer.evaluation.scored_patches import ScoredPatches

MEASURES: Final = (
    "auc",
    "auprc",
    "balanced_accuracy",
    "f1",
    "sensitivity",
    "specificity",
    "coverage",
    "ece",
    "brier",
)
_BINS: Final = 15

Weights = NDArray[np.float64]


def calibration_bins(probability: NDArray[np.float32]) -> NDArray[np.intp]:
    """The ECE's bin of each probability, 0-14."""
    return np.minimum((probability * _BINS).astype(np.intp), _BINS - 1)


class Ranking:
    """Patches sorted by P(IDC), ties taken together."""

    def __init__(self, scored: ScoredPatches) -> None:
        self._order = np.argsort(-scored.probability, kind="stable")
        self._labels = scored.labels[self._order]
        self._last_of_ties = np.append(np.diff(scored.probability[self._order]) != 0, True)

    def counts(self, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The weight of true and of false positives at each threshold, from the highest to the lowest."""
        weights = weights[self._order]
        found, alarms = np.cumsum(weights * self._labels), np.cumsum(weights * ~self._labels)
        return found[self._last_of_ties], alarms[self._last_of_ties]


class Measurer:
    """Measures the same patches, at least one, with many weights; what does not depend on them is computed once."""

    def __init__(self, scored: ScoredPatches) -> None:
        self._labels = scored.labels
        self._truths = (scored.labels, ~scored.labels)
        self._idc, self._no_idc = scored.called_idc, scored.called_no_idc
        self._sorted = Ranking(scored)
        self._gap = scored.probability.astype(np.float64) - scored.labels
        self._bins = calibration_bins(scored.probability)

    def __call__(self, weights: Weights) -> NDArray[np.float64]:
        """The metrics in the order of MEASURES; NaN where a class that a metric needs is missing.

        Args:
            weights: How often each patch counts, shape (N,), from 0 on, with a sum above 0.
        """
        total = weights.sum()
        in_bins = np.abs(np.bincount(self._bins, weights * self._gap, _BINS)).sum() / total
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.array(
                [*self._ranking(weights), *self._decisions(weights), in_bins, weights @ np.square(self._gap) / total]
            )

    def _ranking(self, weights: Weights) -> tuple[float, float]:
        found, alarms = self._sorted.counts(weights)
        if not found[-1] or not alarms[-1]:
            return float("nan"), float("nan")
        recall, fall_out = np.append(0.0, found / found[-1]), np.append(0.0, alarms / alarms[-1])
        auc = np.sum(np.diff(fall_out) * (recall[1:] + recall[:-1])) / 2
        seen = found + alarms
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        return float(auc), float(np.sum(np.diff(recall) * precision))

    def _decisions(self, weights: Weights) -> tuple[np.float64, ...]:
        counts = (weights[decided & truth].sum() for decided in (self._idc, self._no_idc) for truth in self._truths)
        hits, alarms, misses, clear = counts
        sensitivity, specificity = hits / (hits + misses), clear / (clear + alarms)
        # without any positive, decided or not, F1 is undefined
        f1 = 2 * hits / (2 * hits + alarms + misses) if weights[self._labels].any() else np.float64("nan")
        coverage = (hits + misses + clear + alarms) / weights.sum()
        return (sensitivity + specificity) / 2, f1, sensitivity, specificity, coverage


def mean_patient_auc(probability: NDArray[np.floating], labels: NDArray[np.bool_], patients: NDArray[np.str_]) -> float:
    """The mean AUC of the patients with both classes, or the AUC of all patches if there is no such patient.

    It does not depend on shifts of the score between patients. All arguments have shape (N,); `labels` is True for IDC.
    """
    parts = [(labels[patients == patient], probability[patients == patient]) for patient in np.unique(patients)]
    within = [roc_auc_score(truth, score) for truth, score in parts if truth.any() and not truth.all()]
    return float(np.mean(within)) if within else float(roc_auc_score(labels, probability))
