"""Balanced sampling of training patches: classes, and within a class patients, are drawn equally often."""

import numpy as np
from numpy.typing import NDArray


def balanced_rows(
    labels: NDArray[np.bool_], patients: NDArray[np.str_], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw rows with replacement: a class, then one of its patients, then one of that patient's patches.

    Args:
        labels: True for IDC, shape (N,); both classes occur.
        patients: The patient of each patch, shape (N,).
        count: How many rows to draw.
        rng: The source of randomness.

    Returns:
        Row numbers, shape (count,).
    """
    drawn = np.empty(count, np.intp)
    wanted = rng.integers(0, 2, count).astype(bool)
    for label in (False, True):
        owners = np.unique(patients[labels == label])
        owner = rng.choice(owners, count)
        for patient in owners.tolist():
            places = np.flatnonzero((wanted == label) & (owner == patient))
            rows = np.flatnonzero((labels == label) & (patients == patient))
            drawn[places] = rng.choice(rows, len(places))
    return drawn
