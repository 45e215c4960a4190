"""The metrics of a classifier on weighted patches: weights let a bootstrap count a patch or a patient several times.

AUC: Mann & Whitney 1947, ties count half. AUPRC: average precision, the sum of precision times the rise of recall. ECE:
Guo et al. 2017, 15 bins of equal width. Brier: Brier 1950. Every measure counts all patches: what is `at_half` decides
each by one cut of P(IDC) at 0.5; misses are the positives called `no_idc`, false alarms the negatives called `idc`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from idc_trainer.evaluation.scored_patches import ScoredPatches

MEASURES: Final = (
    "auc",
    "auprc",
    "balanced_accuracy_at_half",
    "f1_at_half",
    "sensitivity_at_half",
    "specificity_at_half",
    "misses",
    "false_alarms",
    "coverage",
    "ece",
    "brier",
)
SHARES: Final = {
    "sensitivity_at_half": (True,),
    "specificity_at_half": (False,),
    "misses": (True,),
    "false_alarms": (False,),
    "coverage": (True, False),
}
"""The measures that are a share of the patches of these classes."""
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
        """The weight of true and of false positives at each threshold, from the highest to the lowest.

        `weights` has shape (..., N), and both results (..., thresholds).
        """
        weights = weights[..., self._order]
        found, alarms = (np.cumsum(weights * of, axis=-1) for of in (self._labels, ~self._labels))
        return found[..., self._last_of_ties], alarms[..., self._last_of_ties]


class Measurer:
    """Measures the same patches, at least one, with many weights; what does not depend on them is computed once."""

    def __init__(self, scored: ScoredPatches) -> None:
        positive, above, called, cleared = (
            scored.labels,
            scored.probability >= 0.5,
            scored.called_idc,
            scored.called_no_idc,
        )
        counted = (positive, positive & above, positive & cleared, ~positive, ~positive & above, ~positive & called)
        self._counted = np.array([*counted, called | cleared], np.float64)
        self._sorted = Ranking(scored)
        self._gap = scored.probability.astype(np.float64) - scored.labels
        self._in_bin = (np.arange(_BINS)[:, None] == calibration_bins(scored.probability)) * self._gap

    def __call__(self, weights: Weights) -> NDArray[np.float64]:
        """The metrics in the order of MEASURES, shape (..., metrics); NaN where a class that a metric needs is missing.

        Args:
            weights: How often each patch counts, shape (..., N), from 0 on, with sums above 0.
        """
        total = weights.sum(axis=-1)
        ece = np.abs(weights @ self._in_bin.T).sum(axis=-1) / total
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack(
                [*self._ranking(weights), *self._decisions(weights), ece, weights @ np.square(self._gap) / total],
                axis=-1,
            )

    def _ranking(self, weights: Weights) -> tuple[Weights, Weights]:
        found, alarms = self._sorted.counts(weights)
        recall = found / found[..., -1:]
        rise = np.diff(recall, axis=-1, prepend=0.0)
        fall_out = np.diff(alarms / alarms[..., -1:], axis=-1, prepend=0.0)
        auc = (fall_out * (2 * recall - rise)).sum(axis=-1) / 2
        seen = found + alarms
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        return auc, np.where(np.isnan(auc), np.nan, (rise * precision).sum(axis=-1))

    def _decisions(self, weights: Weights) -> tuple[Weights, ...]:
        counts = np.moveaxis(weights @ self._counted.T, -1, 0)
        positives, found, missed, negatives, above, alarms, decided = counts
        sensitivity, specificity = found / positives, 1 - above / negatives
        # without any positive F1 is undefined
        f1 = np.where(positives > 0, 2 * found / (found + above + positives), np.nan)
        shares = (missed / positives, alarms / negatives, decided / (positives + negatives))
        return (sensitivity + specificity) / 2, f1, sensitivity, specificity, *shares


def mean_patient_auc(probability: NDArray[np.floating], labels: NDArray[np.bool_], patients: NDArray[np.str_]) -> float:
    """The mean AUC of the patients with both classes, or the AUC of all patches if there is no such patient.

    It does not depend on shifts of the score between patients. All arguments have shape (N,); `labels` is True for IDC.
    """
    parts = [(labels[patients == patient], probability[patients == patient]) for patient in np.unique(patients)]
    within = [roc_auc_score(truth, score) for truth, score in parts if truth.any() and not truth.all()]
    return float(np.mean(within)) if within else float(roc_auc_score(labels, probability))
