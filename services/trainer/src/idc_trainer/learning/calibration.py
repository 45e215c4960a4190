"""Calibration of the head's scores to probabilities (Platt 1999; Guo et al. 2017)."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from idc_contracts.bundle import Calibration
from idc_trainer.errors import CalibrationFailed
from idc_trainer.learning.head import LinearHead


def fit_calibration(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> Calibration:
    """Fit temperature and bias by maximum likelihood.

    Both classes have equal weight: P(IDC) is calibrated for equal prevalence, since the share of positives in a data
    set tells little about the next slide. Within a class each patch has equal weight, which calibrated better
    than equal weight of patients when patients were left out (docs/explanation/model.md).

    Args:
        scores: The head's logits, float64, shape (N,).
        labels: True for IDC, shape (N,).

    Raises:
        CalibrationFailed: The scores do not increase with P(IDC).
    """
    scale = float(scores.std()) or 1.0
    model = LogisticRegression(C=1e6, max_iter=1000, class_weight="balanced")
    model.fit(scores[:, None] / scale, labels)
    slope = float(model.coef_[0, 0]) / scale
    if slope <= 0:
        raise CalibrationFailed(
            "on the validation patients the score does not increase with P(IDC): check labels or name other patients"
        )
    return Calibration(temperature=1 / slope, bias=float(model.intercept_[0]))


def apply_to_scores(calibration: Calibration, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(IDC) for logits: float64, the same shape, 0.0-1.0."""
    calibrated: NDArray[np.float64] = 1 / (1 + np.exp(-(scores / calibration.temperature + calibration.bias)))
    return calibrated


def apply_to_head(calibration: Calibration, head: LinearHead) -> LinearHead:
    """The head whose sigmoid is the calibrated P(IDC), rounded to float16 so that an FP16 graph computes the same."""
    weight = (head.weight / calibration.temperature).astype(np.float16).astype(np.float32)
    bias = np.float16(head.bias / calibration.temperature + calibration.bias)
    return LinearHead(weight, float(bias))
