"""The gate before serving: how a candidate compared with the serving model, and what was decided about a version."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from idc_contracts.base import Contract, Sha256, UtcDatetime
from idc_contracts.bundle import Estimate
from idc_contracts.classification import ModelRef
from idc_contracts.decision import DecisionCounts


class Verdict(StrEnum):
    """The outcome of a comparison."""

    NO_WORSE = "no_worse"
    WORSE = "worse"
    UNTESTED = "untested"
    """Too few patients are new to both models."""


class ComparedMeasure(Contract):
    """A measure, averaged over the same patients for both models."""

    candidate: float
    serving: float | None = Field(default=None, description="Null if no model serves.")
    difference: Estimate | None = Field(
        default=None, description="Candidate minus serving; interval by resampling patients. Null if no model serves."
    )


class ModelDecisions(Contract):
    """What a model called the patches of the compared patients."""

    positives: DecisionCounts
    negatives: DecisionCounts


class ModelComparison(Contract):
    """A candidate and the serving model on the same patients, to which both are new."""

    schema_version: Literal[1] = 1
    compared_at: UtcDatetime
    by: str = Field(max_length=128, description="Who ran the comparison.")
    command: str = Field(description="The command that compared.")
    candidate: ModelRef
    serving: ModelRef | None = Field(description="The version that served; null if none did.")
    data_sha256: Sha256 = Field(description="Digest of the sorted digests of the compared patches.")
    patients: int = Field(ge=0, description="Patients with both classes that neither model learned from.")
    patches: int = Field(ge=0, description="Patches of these patients.")
    verdict: Verdict
    auc: ComparedMeasure | None = Field(default=None, description="Mean AUC within patients; null without patients.")
    balanced_accuracy: ComparedMeasure | None = Field(
        default=None,
        description="Mean balanced accuracy within patients over all their patches, at each model's own thresholds; "
        "`uncertain` counts half.",
    )
    candidate_decisions: ModelDecisions | None = None
    serving_decisions: ModelDecisions | None = None


class ModelPromotion(Contract):
    """Why a version is in the folder of served models."""

    schema_version: Literal[1] = 1
    promoted_at: UtcDatetime
    by: str = Field(max_length=128)
    comparison: ModelComparison


class ModelWithdrawal(Contract):
    """A version stays in the folder of served models and is not served."""

    schema_version: Literal[1] = 1
    withdrawn_at: UtcDatetime
    by: str = Field(max_length=128)
    version: str = Field(pattern=r"^[1-9][0-9]*$", description="The version that was withdrawn.")
    serves_instead: str = Field(pattern=r"^[1-9][0-9]*$", description="The version that serves from then on.")
