"""The event that a patch was classified."""

from uuid import UUID

from pydantic import Field

from idc_contracts.base import Contract, Message, Probability, Sha256, UtcDatetime
from idc_contracts.decision import Decision, Thresholds


class ModelRef(Contract):
    """The model bundle behind a result."""

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(pattern=r"^[1-9][0-9]*$", description="A whole number; larger is newer.")
    sha256: Sha256 = Field(description="Digest of the bundle's manifest, which lists the digest of every other file.")


class PatchClassified(Message):
    """A patch was classified. File name and pixels stay out of the message: they may identify the patient."""

    classification_id: UUID = Field(description="The result's id at the gateway's REST interface.")
    probability: Probability = Field(description="Calibrated P(IDC), regardless of the decision.")
    decision: Decision
    model: ModelRef
    thresholds: Thresholds
    latency_ms: float = Field(
        ge=0.0,
        description="How long the gateway waited for inference, retries included; the same for images classified "
        "together.",
    )
    classified_at: UtcDatetime
