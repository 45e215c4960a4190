"""Fits the linear head on frozen features."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from idc_trainer.keras_model import LinearHead


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
    return weights * (len(labels) / weights.sum())


def fit_head(
    features: NDArray[np.float32], labels: NDArray[np.bool_], patients: NDArray[np.str_], inverse_penalty: float
) -> LinearHead:
    """Fit a class- and patient-balanced logistic regression.

    Args:
        features: Pooled features, float32, shape (N, features), any scale.
        labels: True for IDC, shape (N,).
        patients: Whose patch it is, shape (N,).
        inverse_penalty: scikit-learn's C on standardised features; smaller is more regular.

    Returns:
        The head for the features as they are: the standardisation is folded into it.
    """
    mean, deviation = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64) + 1e-6
    model = LogisticRegression(C=inverse_penalty, max_iter=1000)
    model.fit((features - mean) / deviation, labels, sample_weight=balanced_weights(labels, patients))
    weight = model.coef_[0] / deviation
    return LinearHead(weight.astype(np.float32), float(model.intercept_[0] - mean @ weight))


def logits(head: LinearHead, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The head's raw scores, float64, shape (N,)."""
    return features.astype(np.float64) @ head.weight.astype(np.float64) + head.bias
