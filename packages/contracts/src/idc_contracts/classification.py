"""The event that a patch was classified."""

from uuid import UUID

from pydantic import Field

from idc_contracts.base import Contract, Message, Probability, Sha256, UtcDatetime
from idc_contracts.decision import Decision, Thresholds


class ModelRef(Contract):
    """Which model bundle made a result."""

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(pattern=r"^[1-9][0-9]*$", description="A whole number; the larger is the newer.")
    sha256: Sha256 = Field(description="Digest of the bundle's manifest, which lists the digest of every other file.")


class PatchClassified(Message):
    """A patch was classified. It carries no file name and no pixels: those may tell who the patient is."""

    classification_id: UUID = Field(description="The result's id at the gateway's REST interface.")
    probability: Probability = Field(description="Calibrated P(IDC), whatever the decision.")
    decision: Decision
    model: ModelRef
    thresholds: Thresholds
    latency_ms: float = Field(
        ge=0.0,
        description="How long the gateway waited for inference, all tries included; the same for images that were "
        "classified together.",
    )
    classified_at: UtcDatetime
