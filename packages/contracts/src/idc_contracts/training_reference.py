"""What patches were like to a model that never saw their patients: what later patches are compared with."""

from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from idc_contracts.base import Contract, Probability
from idc_contracts.decision import DecisionCounts

PROBABILITY_BINS: Final = 10
"""Bins of equal width of P(IDC), from 0.0 to 1.0."""


class PatchMeasure(StrEnum):
    """What is measured of each patch to notice that patches have changed."""

    PROBABILITY = "probability"
    """Calibrated P(IDC)."""
    UNCERTAIN = "uncertain"
    """1 where the decision is `uncertain`, else 0."""
    UNFAMILIAR = "unfamiliar"
    """1 where the model says that it does not know such patches, else 0."""
    STAIN_DENSITY = "stain_density"
    """How dark the tissue is: mean optical density."""
    STAIN_HUE_DEG = "stain_hue_deg"
    """How pink the tissue is, an angle of colour: less with more haematoxylin, more with more eosin."""
    SHARPNESS = "sharpness"
    """How sharp edges are: less where the image is blurred."""


class MeasureReference(Contract):
    """How a measure is distributed: a patient's mean, and the patches of a patient around it."""

    mean: float = Field(allow_inf_nan=False, description="Mean of the patients' means.")
    deviation_between: float = Field(
        ge=0.0, allow_inf_nan=False, description="Standard deviation of patients, without the chance of their patches."
    )
    deviation_within: float = Field(
        ge=0.0, allow_inf_nan=False, description="Standard deviation of patches within a patient, mean of the patients."
    )
    standard_error: float = Field(gt=0.0, allow_inf_nan=False, description="Of `mean`.")
    patients: int = Field(ge=2)


class PatientDecisions(Contract):
    """What the patches of one patient were called."""

    patient: str
    positives: DecisionCounts
    negatives: DecisionCounts


class TrainingReference(Contract):
    """Patients that the scoring network never saw; the thresholds were chosen on them."""

    measures: dict[PatchMeasure, MeasureReference]
    probability_shares: tuple[Probability, ...] = Field(
        min_length=PROBABILITY_BINS,
        max_length=PROBABILITY_BINS,
        description="Share of patches in each of ten bins of P(IDC), each patient with equal weight.",
    )
    patients: tuple[PatientDecisions, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_probability(self) -> Self:
        if PatchMeasure.PROBABILITY not in self.measures:
            raise ValueError("measures lacks probability")
        return self
