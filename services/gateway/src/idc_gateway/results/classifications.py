"""The results of classified patches."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from idc_contracts import Decision, FieldOfView, ModelRef, Reason, Thresholds
from idc_contracts.bundle import PATCH


@dataclass(frozen=True)
class PatchOrigin:
    """Where a patch is from, and its scale; None for what the sender did not say."""

    patient: str | None = None
    slide: str | None = None
    x: int | None = None
    """Of the patch's left edge in the slide, in pixels."""
    y: int | None = None
    """Of the patch's upper edge in the slide, in pixels."""
    w: int | None = None
    """Width that the patch covers in the slide, in the pixels of `x`."""
    h: int | None = None
    """Height that the patch covers in the slide, in the pixels of `y`."""
    um_per_px: float | None = None
    """Of the image itself, in micrometres per pixel."""
    folder: UUID | None = None
    """What it was sent in: see `folders`."""


UNKNOWN_ORIGIN = PatchOrigin()


class Verdict(StrEnum):
    IDC = "idc"
    NO_IDC = "no_idc"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Review:
    """A pathologist's review of one result. The latest counts; none is ever changed."""

    verdict: Verdict
    comment: str
    reviewer: str
    """The name of the key or user."""
    reviewed_at: datetime


@dataclass(frozen=True)
class Classification:
    id: UUID
    name: str
    probability: float
    decision: Decision
    model: ModelRef
    thresholds: Thresholds
    latency_ms: float
    """From the whole body's arrival to the result; the same for all images of a request."""
    created_at: datetime
    width_px: int
    height_px: int
    origin: PatchOrigin = UNKNOWN_ORIGIN
    image_sha256: str | None = None
    """Of the stored image; None where none was stored."""
    review: Review | None = None
    """The latest one."""
    once_key: str | None = None
    """Unique to this result; None without a series."""
    reasons: tuple[Reason, ...] = ()
    """Why the decision is `uncertain`, in the order of `Reason`; empty for other decisions."""

    @property
    def field(self) -> FieldOfView:
        """How it is known that the image shows the field of view of a training patch."""
        if self.origin.um_per_px is not None:
            return FieldOfView.STATED
        is_native = (self.width_px, self.height_px) == (PATCH.width_px, PATCH.height_px)
        return FieldOfView.NATIVE if is_native else FieldOfView.ASSUMED
