"""Fits the linear head on frozen features."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

_LEAST_DEVIATION: Final = 1e-6


@dataclass(frozen=True)
class LinearHead:
    """logit = features @ weight + bias."""

    weight: NDArray[np.float32]
    """float32 (features,)."""
    bias: float


def balanced_weights(labels: NDArray[np.bool_], patients: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights that make both classes count the same and, within a class, each of its patients.

    Returns:
        float64, shape (N,), with mean 1.0.
    """
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        of_class = labels == label
        owners = np.unique(patients[of_class])
        for patient in owners:
            chosen = of_class & (patients == patient)
            weights[chosen] = 1.0 / (len(owners) * chosen.sum())
    balanced: NDArray[np.float64] = weights * (len(labels) / weights.sum())
    return balanced


def fit_head(
    features: NDArray[np.float32],
    labels: NDArray[np.bool_],
    patients: NDArray[np.str_],
    gains: NDArray[np.float64],
    penalty: float,
) -> LinearHead:
    """Fit a class- and patient-balanced logistic regression.

    It minimises the mean loss plus penalty / 2 times the squared length of the weights of the features, each scaled to
    a standard deviation of its gain.

    Args:
        features: Pooled features, float32, shape (N, features), any scale.
        labels: True for IDC, shape (N,).
        patients: Whose patch it is, shape (N,).
        gains: How cheap it is to use each feature, shape (features,); all 1.0 is plain standardisation.
        penalty: From 0.0, exclusive; larger is more regular.

    Returns:
        The head for the features as they are: the scaling is folded into it.
    """
    mean = features.mean(0, dtype=np.float64)
    # A feature that never changes would be divided by zero; it gets no weight either way.
    scale = gains / (features.std(0, dtype=np.float64) + _LEAST_DEVIATION)
    model = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=1000)
    model.fit((features - mean) * scale, labels, sample_weight=balanced_weights(labels, patients))
    weight = model.coef_[0] * scale
    return LinearHead(weight.astype(np.float32), float(model.intercept_[0] - mean @ weight))


def logits(head: LinearHead, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The head's raw scores, float64, shape (N,)."""
    return features.astype(np.float64) @ head.weight.astype(np.float64) + head.bias
