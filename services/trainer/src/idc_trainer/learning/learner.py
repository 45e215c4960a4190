"""Fits the head, its calibration and the thresholds on features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idc_contracts import Thresholds
from idc_contracts.bundle import Calibration
from idc_trainer.data.index import PatchIndex
from idc_trainer.errors import OneClassOnly
from idc_trainer.features.store import FeatureStore
from idc_trainer.features.table import FeatureTable
from idc_trainer.learning.calibration import apply_to_head, apply_to_scores, fit_calibration
from idc_trainer.learning.head import HeadSettings, LinearHead, fit_head, logits
from idc_trainer.learning.operating_point import Target, choose_thresholds
from idc_trainer.splits.divided import DividedPatches
from idc_trainer.splits.folds import check_folds, k_folds
from idc_trainer.splits.split import has_both_classes

_MOST_FOLDS: Final = 5
_CHUNK: Final = 65_536

OnStep = Callable[[int, float], None]
"""Called after each step of a fit with its number and the objective."""


@dataclass(frozen=True)
class Learned:
    head: LinearHead
    """Calibration included."""
    calibration: Calibration
    thresholds: Thresholds
    validation: "ValidationScores"


@dataclass(frozen=True)
class ValidationScores:
    """P(IDC) of patches that the head was not trained on; calibration and thresholds were chosen on them."""

    probability: NDArray[np.float64]
    """Calibrated, shape (N,)."""
    labels: NDArray[np.bool_]
    patients: NDArray[np.str_]


@dataclass(frozen=True)
class Learner:
    stores: tuple[FeatureStore, ...]
    """One for each variant; the first holds unchanged patches."""
    gains: NDArray[np.float64]
    settings: HeadSettings
    target: Target
    seed: int

    def learn(self, patches: DividedPatches, on_step: OnStep) -> Learned:
        """Fit head, calibration and thresholds; `on_step` is called in the head's last fit.

        Raises:
            CalibrationFailed, OperatingPointUnreachable, OneClassOnly: The validation patients do not allow it.
        """
        head, chosen = self.fit(patches.train, on_step), patches.validation
        scores = self._cross_fitted(patches) if patches.cross_fitted else self.scores(head, chosen)
        calibration = fit_calibration(scores, chosen.labels)
        probability = apply_to_scores(calibration, scores)
        thresholds = choose_thresholds(probability, chosen.labels, chosen.patients, self.target)
        seen = ValidationScores(probability, chosen.labels, chosen.patients)
        return Learned(apply_to_head(calibration, head), calibration, thresholds, seen)

    def fit(self, chosen: PatchIndex, on_step: OnStep = lambda _step, _loss: None) -> LinearHead:
        """Fit a head without calibration."""
        passes = len(self.stores)
        return fit_head(
            FeatureTable(self.stores, chosen.digests, len(self.gains)),
            np.tile(chosen.labels, passes),
            np.tile(chosen.patients, passes),
            self.gains,
            self.settings,
            on_step,
        )

    def scores(self, head: LinearHead, chosen: PatchIndex) -> NDArray[np.float64]:
        """A head's logits of unchanged patches, float64, shape (N,)."""
        plain = FeatureTable(self.stores[:1], chosen.digests, len(self.gains))
        parts = [logits(head, plain[start : start + _CHUNK]) for start in range(0, len(chosen), _CHUNK)]
        return np.concatenate(parts)

    def _cross_fitted(self, patches: DividedPatches) -> NDArray[np.float64]:
        """The logits of the training patients, each by a head that was not fitted on it."""
        scores = np.empty(len(patches.train))
        folds = inner_folds(patches.train, self.seed)
        check_folds(folds, patches.train)
        for fold in folds:
            rows = np.isin(patches.train.patients, fold)
            scores[rows] = self.scores(self.fit(patches.train.rows(~rows)), patches.train.rows(rows))
        return scores


def inner_folds(train: PatchIndex, seed: int) -> tuple[tuple[str, ...], ...]:
    """Folds of the training patients, each of which leaves patients of both classes, or `OneClassOnly`."""
    classes = train.classes_of()
    per_class = [sum(label in found for found in classes.values()) for label in (False, True)]
    if min(per_class) < 2:
        raise OneClassOnly("to calibrate by cross-fitting, at least 2 training patients must have each class")
    folds = k_folds(classes, min(_MOST_FOLDS, *per_class), seed)
    for fold in folds:
        if not has_both_classes(classes.keys() - set(fold), train):
            raise OneClassOnly(f"without {', '.join(fold)} only one class is left: name validation patients instead")
    return folds
