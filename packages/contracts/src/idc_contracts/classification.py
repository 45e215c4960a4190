"""The event that a patch was classified."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from idc_contracts.base import Contract, Message, Probability, Sha256, UtcDatetime
from idc_contracts.decision import Decision, Reason, Thresholds

_NewerReason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class FieldOfView(StrEnum):
    """How it is known that an image shows a field of 200 µm, as the training patches do."""

    NATIVE = "native"
    """It has the size of a training patch, 50 x 50 px."""
    ASSUMED = "assumed"
    """It has another size, and the sender did not state its scale."""
    STATED = "stated"
    """The sender stated its scale; the central field was cut from it."""


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
    reasons: tuple[Annotated[Reason | _NewerReason, Field(union_mode="left_to_right")], ...] = Field(
        default=(),
        max_length=16,
        description="Why the decision is `uncertain`; empty in messages of an older gateway. A newer gateway may give "
        "reasons that its reader does not know.",
    )
    field: FieldOfView | None = Field(
        default=None, description="How the image's field of view is known; null in messages of an older gateway."
    )
    um_per_px: float | None = Field(
        default=None, gt=0.0, allow_inf_nan=False, description="Micrometres per pixel, where the sender stated them."
    )
    model: ModelRef
    thresholds: Thresholds
    latency_ms: float = Field(
        ge=0.0,
        description="How long the gateway waited for inference, retries included; the same for images classified "
        "together.",
    )
    classified_at: UtcDatetime
