"""How far a patch is from what was learnt: the Mahalanobis distance of its features.

Lee et al. 2018, "A simple unified framework for detecting out-of-distribution samples", here with one centre. The
covariance is shrunk as by Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from idc_trainer.learning.heads import as_float16

MOST_PATCHES_EACH: Final = 150
"""Of a patient, in the fit: with some 500 features more do not change it, and memory stays bounded."""
_LEAST_DEVIATION: Final = 0.05
"""Of a feature, as a share of the mean; smaller ones count as this."""
KEPT_SHARE: Final = 0.99
"""Of a patient's patches, on average over patients, lie within a distance of 1.0."""


@dataclass(frozen=True)
class Familiarity:
    """distance = |features @ projection + offset|, for F features."""

    projection: NDArray[np.float32]
    """Shape (F, F)."""
    offset: NDArray[np.float32]
    """Shape (F,)."""

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The distances of features of shape (N, F): float64, shape (N,), 0.0 and above."""
        found: NDArray[np.float64] = np.linalg.norm(features @ self.projection + self.offset, axis=1).astype(np.float64)
        return found


def fit_familiarity(features: NDArray[np.float32]) -> Familiarity:
    """Fit centre and covariance of training patches' features, shape (N, F)."""
    values = features.astype(np.float64)
    mean, deviation = values.mean(0), values.std(0)
    # Shrinkage assumes features of like scales; one that hardly varies would overflow float16.
    scale = 1 / np.maximum(deviation, _LEAST_DEVIATION * deviation.mean())
    precision = LedoitWolf(assume_centered=True).fit((values - mean) * scale).precision_
    projection = scale[:, None] * np.linalg.cholesky(precision)
    return Familiarity(projection.astype(np.float32), (-mean @ projection).astype(np.float32))


def quantile(distances: NDArray[np.float64], patients: NDArray[np.str_]) -> float:
    """The distance within which `KEPT_SHARE` of the patches of the average patient lie.

    Args:
        distances: Of patients that were not trained on, shape (N,): a training patient's would flatter it.
        patients: Shape (N,).
    """
    _, inverse, counts = np.unique(patients, return_inverse=True, return_counts=True)
    order, last = np.argsort(distances), len(distances) - 1
    shares = np.cumsum((1 / counts)[inverse][order]) / len(counts)
    return float(distances[order][min(int(np.searchsorted(shares, KEPT_SHARE)), last)])


def scaled(familiarity: Familiarity, limit: float) -> Familiarity:
    """Make a distance the unit; rounded to what an FP16 graph keeps."""
    return Familiarity(as_float16(familiarity.projection / limit), as_float16(familiarity.offset / limit))


def few_of_each(patients: NDArray[np.str_], seed: int) -> NDArray[np.intp]:
    """Rows of at most `MOST_PATCHES_EACH` patches of each patient, drawn at random, sorted."""
    order = np.random.default_rng(seed).permutation(len(patients))
    _, first, inverse = np.unique(patients[order], return_index=True, return_inverse=True)
    rank = np.empty(len(order), np.intp)
    by_patient = np.argsort(inverse, kind="stable")
    counts = np.bincount(inverse, minlength=len(first))
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    rank[by_patient] = np.arange(len(order)) - starts
    chosen: NDArray[np.intp] = np.sort(order[rank < MOST_PATCHES_EACH])
    return chosen
