"""Fits the linear head on frozen features, which may not fit in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

_LEAST_DEVIATION: Final = 1e-6
_CHUNK: Final = 65_536
"""Rows in memory at a time."""
_MOST_STEPS: Final = 500


class FeatureRows(Protocol):
    """A matrix of float32, shape (rows, features), read by slices of rows: an array or a `FeatureTable`."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class LinearHead:
    """logit = features @ weight + bias."""

    weight: NDArray[np.float32]
    """float32 (features,)."""
    bias: float


@dataclass(frozen=True)
class HeadSettings:
    penalty: float
    """L2 penalty, above 0.0."""
    label_smoothing: float = 0.0
    """0.0-1.0 (Szegedy et al. 2016, section 7)."""


def balanced_weights(labels: NDArray[np.bool_], patients: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weights that balance the classes and, within a class, its patients: float64, shape (N,), with mean 1.0."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        of_class = labels == label
        owners, inverse, counts = np.unique(patients[of_class], return_inverse=True, return_counts=True)
        weights[of_class] = (1.0 / (len(owners) * counts))[inverse]
    balanced: NDArray[np.float64] = weights * (len(labels) / weights.sum())
    return balanced


def fit_head(
    features: FeatureRows,
    labels: NDArray[np.bool_],
    patients: NDArray[np.str_],
    gains: NDArray[np.float64],
    settings: HeadSettings,
    on_step: Callable[[int, float], None] = lambda _step, _loss: None,
) -> LinearHead:
    """Fit a class- and patient-balanced logistic regression by L-BFGS (Byrd et al. 1995).

    It minimises the mean loss plus penalty / 2 times the squared norm of the weights, for features scaled to a standard
    deviation of their gain.

    Args:
        features: Pooled features, shape (N, features), any scale.
        labels: True for IDC, shape (N,).
        patients: The patient of each row, shape (N,).
        gains: The scale of each feature, shape (features,); all 1.0 is plain standardisation.
        settings: Penalty and label smoothing.
        on_step: Called after each step with its number, from 1, and the objective.

    Returns:
        The head for unscaled features: the scaling is folded into it.
    """
    objective = _Objective(features, labels, balanced_weights(labels, patients), gains, settings)
    steps = 0

    def stepped(intermediate_result: object) -> None:
        nonlocal steps
        steps += 1
        on_step(steps, float(intermediate_result.fun))  # type: ignore[attr-defined]

    found = minimize(
        objective,
        np.zeros(len(gains) + 1),
        jac=True,
        method="L-BFGS-B",
        callback=stepped,
        options={"maxiter": _MOST_STEPS, "gtol": 1e-5, "ftol": 1e-10},
    )
    return objective.head(found.x)


class _Objective:
    """The loss and its gradient at the weights of scaled features followed by the intercept."""

    def __init__(
        self,
        features: FeatureRows,
        labels: NDArray[np.bool_],
        weights: NDArray[np.float64],
        gains: NDArray[np.float64],
        settings: HeadSettings,
    ) -> None:
        self._features, self._weights, self._penalty = features, weights / len(weights), settings.penalty
        self._targets = labels * (1 - settings.label_smoothing) + settings.label_smoothing / 2
        self._only_chunk = features[0 : len(labels)] if len(labels) <= _CHUNK else None
        self._mean, deviation = self._moments()
        # A constant feature, scaled, would add nothing but rounding errors to the gradient.
        changes = deviation > _LEAST_DEVIATION * np.maximum(1.0, np.abs(self._mean))
        self._scale = np.where(changes, gains / (deviation + _LEAST_DEVIATION), 0.0)

    def __call__(self, point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight = point[:-1] * self._scale
        bias = point[-1] - self._mean @ weight
        loss, by_weight, by_bias = self._penalty / 2 * float(point[:-1] @ point[:-1]), np.zeros(len(weight)), 0.0
        for rows, chunk in self._chunks():
            logit = (chunk @ weight.astype(np.float32)).astype(np.float64) + bias
            target, share = self._targets[rows], self._weights[rows]
            loss += float(share @ (np.logaddexp(0, logit) - target * logit))
            residual = share * (expit(logit) - target)
            by_weight += residual.astype(np.float32) @ chunk
            by_bias += float(residual.sum())
        gradient = (by_weight - by_bias * self._mean) * self._scale + self._penalty * point[:-1]
        return loss, np.append(gradient, by_bias)

    def head(self, point: NDArray[np.float64]) -> LinearHead:
        weight = point[:-1] * self._scale
        return LinearHead(weight.astype(np.float32), float(point[-1] - self._mean @ weight))

    def _moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        count, width = self._features.shape
        total, squares = np.zeros(width), np.zeros(width)
        for _, chunk in self._chunks():
            total += chunk.sum(0, dtype=np.float64)
        mean = total / count
        for _, chunk in self._chunks():
            squares += np.square(chunk - mean, dtype=np.float64).sum(0)
        return mean, np.sqrt(squares / count)

    def _chunks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        if self._only_chunk is not None:
            yield slice(0, len(self._only_chunk)), self._only_chunk
            return
        for start in range(0, len(self._targets), _CHUNK):
            rows = slice(start, min(start + _CHUNK, len(self._targets)))
            yield rows, self._features[rows]


def logits(head: LinearHead, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """The head's raw scores, float64, shape (N,)."""
    return features.astype(np.float64) @ head.weight.astype(np.float64) + head.bias
