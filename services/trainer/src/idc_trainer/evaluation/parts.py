"""The scores of a bundle's validation and test patients, with their metrics."""

from dataclasses import dataclass

from idc_trainer.evaluation.bootstrap import Evaluation
from idc_trainer.evaluation.scored_patches import ScoredPatches


@dataclass(frozen=True)
class MeasuredPart:
    scored: ScoredPatches
    evaluation: Evaluation


@dataclass(frozen=True)
class MeasuredParts:
    validation: MeasuredPart
    """On these patients, calibration and thresholds were chosen."""
    test: MeasuredPart
