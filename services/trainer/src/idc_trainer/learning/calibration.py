"""Calibration of a network's logits to probabilities (Platt 1999; Guo et al. 2017)."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from idc_contracts.bundle import Calibration
from idc_trainer.errors import CalibrationFailed
from idc_trainer.learning.sampling import patient_weights


def fit_calibration(scores: NDArray[np.float64], labels: NDArray[np.bool_], patients: NDArray[np.str_]) -> Calibration:
    """Fit temperature and bias by maximum likelihood.

    Every patient counts once, with its classes as they come: P(IDC) is calibrated for the prevalence of the average
    patient of the data set.

    Args:
        scores: Logits of patients that the network was not trained on, float64, shape (N,).
        labels: True for IDC, shape (N,).
        patients: Shape (N,).

    Raises:
        CalibrationFailed: The scores do not increase with P(IDC).
    """
    scale = float(scores.std()) or 1.0
    model = LogisticRegression(C=1e6, max_iter=1000)
    model.fit(scores[:, None] / scale, labels, sample_weight=patient_weights(patients))
    slope = float(model.coef_[0, 0]) / scale
    if slope <= 0:
        raise CalibrationFailed(
            "on the validation patients the score does not increase with P(IDC): check labels or name other patients"
        )
    return Calibration(temperature=1 / slope, bias=float(model.intercept_[0]))


def calibrated(calibration: Calibration, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(IDC) for logits: float64, the same shape, 0.0-1.0."""
    probability: NDArray[np.float64] = expit(scores / calibration.temperature + calibration.bias)
    return probability
