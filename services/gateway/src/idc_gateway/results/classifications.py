"""What the gateway knows of a classified patch, and the message that it sends of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from idc_contracts import CLASSIFICATIONS, Decision, ModelRef, PatchClassified, Thresholds


@dataclass(frozen=True)
class PatchOrigin:
    """Where a patch is from, as far as the sender says."""

    patient: str | None = None
    slide: str | None = None
    x: int | None = None
    """Of the patch's left edge in the slide, in pixels."""
    y: int | None = None
    """Of the patch's upper edge in the slide, in pixels."""
    w: int | None = None
    """Width that the patch covers in the slide, in the pixels of `x`; None where nobody said."""
    h: int | None = None
    """Height that the patch covers in the slide, in the pixels of `y`; None where nobody said."""


UNKNOWN_ORIGIN = PatchOrigin()


@dataclass(frozen=True)
class Upload:
    """One image as it came in."""

    name: str
    data: bytes
    """Empty where the image is too large: it is refused, and not kept."""
    origin: PatchOrigin = UNKNOWN_ORIGIN
    dropped_bytes: int = 0
    """What of it was not kept."""
    place: str = "the body"
    """Where in the request it was, for texts about an image without a name."""
    once_key: str | None = None
    """Names the image in its series, where it belongs to one."""

    @property
    def size_bytes(self) -> int:
        """How long it was as it was sent."""
        return len(self.data) + self.dropped_bytes

    @property
    def label(self) -> str:
        """What a text calls it."""
        return f"image {self.name!r}" if self.name else self.place


@dataclass(frozen=True)
class CheckedImage:
    """An image that can be decoded."""

    name: str
    data: bytes
    width_px: int
    height_px: int
    media_type: str
    origin: PatchOrigin = UNKNOWN_ORIGIN
    once_key: str | None = None


@dataclass(frozen=True)
class Prediction:
    """What the inference service says of one image."""

    probability: float
    """Calibrated P(IDC), 0.0-1.0."""
    decision: Decision
    model: ModelRef
    thresholds: Thresholds


class Verdict(StrEnum):
    """What a pathologist says of a patch."""

    IDC = "idc"
    NO_IDC = "no_idc"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Review:
    """A pathologist's word on one result; a later one stands above it, none is ever changed."""

    verdict: Verdict
    comment: str
    reviewer: str
    """The name of the key or user."""
    reviewed_at: datetime


@dataclass(frozen=True)
class Classification:
    """One result, as it is stored and answered."""

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
    origin: PatchOrigin = field(default=UNKNOWN_ORIGIN)
    image_sha256: str | None = None
    """Names the stored image; None where none was stored."""
    review: Review | None = None
    """The latest one."""
    once_key: str | None = None
    """No other result has it; None for an image of no series."""


@dataclass(frozen=True)
class OutgoingMessage:
    """A message that waits for the broker, whole: sent again, it is the same event."""

    topic: str
    payload: bytes


def message_of(classification: Classification, *, site: str, device: str, request_id: str) -> OutgoingMessage:
    """The event that tells alarms of a result."""
    event = PatchClassified(
        sent_at=classification.created_at,
        source=device,
        correlation_id=request_id,
        classification_id=classification.id,
        probability=classification.probability,
        decision=classification.decision,
        model=classification.model,
        thresholds=classification.thresholds,
        latency_ms=classification.latency_ms,
        classified_at=classification.created_at,
    )
    return OutgoingMessage(CLASSIFICATIONS.at(site=site, device=device), event.to_payload())
