"""The scores of a bundle's validation and test patients, with their figures."""

from dataclasses import dataclass

from idc_trainer.evaluation.bootstrap import Evaluation
from idc_trainer.evaluation.scored_patches import ScoredPatches


@dataclass(frozen=True)
class MeasuredSide:
    """One side of a split."""

    scored: ScoredPatches
    evaluation: Evaluation


@dataclass(frozen=True)
class MeasuredSides:
    """Both sides that a model is measured on."""

    validation: MeasuredSide
    """What calibration and thresholds were chosen on."""
    test: MeasuredSide
