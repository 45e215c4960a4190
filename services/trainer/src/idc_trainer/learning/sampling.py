"""Balanced use of training patches: both classes alike, and patients by the root of their patches."""

import numpy as np
from numpy.typing import NDArray


def patient_weights(patients: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights by which every patient counts once, whatever its patches: float64, shape (N,), with mean 1.0."""
    owners, inverse, counts = np.unique(patients, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = (len(patients) / (len(owners) * counts))[inverse]
    return weights


class BalancedRows:
    """Draws rows with replacement: half of each class; within it a patient counts by the root of its patches.

    Weighted alike, patients of a few patches would be shown again and again; weighted by their patches, a few large
    slides would be most of what is learnt.
    """

    def __init__(self, labels: NDArray[np.bool_], patients: NDArray[np.str_]) -> None:
        """Prepare the draw; both classes occur.

        Args:
            labels: True for IDC, shape (N,).
            patients: The patient of each patch, shape (N,).
        """
        self._rows = [np.flatnonzero(labels == label) for label in (False, True)]
        self._shares = [_cumulative(patients[rows]) for rows in self._rows]

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Row numbers, shape (count,), the classes in turn."""
        parts = []
        for label, (rows, shares) in enumerate(zip(self._rows, self._shares, strict=True)):
            places = np.searchsorted(shares, rng.random((count + 1 - label) // 2), side="right")
            parts.append(rows[np.minimum(places, len(rows) - 1)])
        drawn = np.empty(count, np.intp)
        drawn[0::2], drawn[1::2] = parts
        return drawn


def _cumulative(patients: NDArray[np.str_]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(patients, return_inverse=True, return_counts=True)
    weights = (1 / np.sqrt(counts))[inverse]
    shares: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    return shares
