"""Results and errors as the REST interface answers them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from idc_contracts import Decision, FieldOfView, ModelRef, Probability, Reason, Thresholds
from idc_gateway.classifying.outcomes import Failure, Outcome
from idc_gateway.results.classifications import Classification, Review, Verdict
from idc_gateway.web import problems

RESEARCH_ONLY = "For research use only; not a medical device."
_EXAMPLE: dict[str, Any] = {
    "id": "7b0c6b52-6f0c-4b52-9d27-5f0f0d1f6c1e",
    "name": "8975_idx5_x801_y1001_class1.png",
    "patient": "8975",
    "slide": "8975_idx5",
    "x": 801,
    "y": 1001,
    "w": None,
    "h": None,
    "probability": 0.93,
    "decision": "idc",
    "reasons": [],
    "model": {"name": "idc", "version": "1", "sha256": "0" * 64},
    "thresholds": {"no_idc_below": 0.24, "idc_from": 0.71},
    "latency_ms": 11.4,
    "created_at": "2026-01-31T09:30:00Z",
    "width_px": 50,
    "height_px": 50,
    "field": "native",
    "um_per_px": None,
    "folder": None,
    "image_sha256": "1" * 64,
    "review": None,
}


class ReviewItem(BaseModel):
    """A pathologist's review of one result."""

    verdict: Verdict
    comment: str
    reviewer: str = Field(description="The name of the key or user.")
    reviewed_at: datetime

    @classmethod
    def of(cls, review: Review) -> Self:
        return cls.model_validate(vars(review))


class ClassificationItem(BaseModel):
    """One result. For research use only; not a medical device."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    name: str = Field(description="The file's name as sent, without folders; empty for a raw body without one.")
    patient: str | None
    slide: str | None
    x: int | None = Field(description="Left edge of the patch in its slide, in pixels.")
    y: int | None = Field(description="Upper edge of the patch in its slide, in pixels.")
    w: int | None = Field(
        description="Width that the patch covers in its slide, in the pixels of `x`; null if unknown."
    )
    h: int | None = Field(
        description="Height that the patch covers in its slide, in the pixels of `y`; null if unknown."
    )
    probability: Probability = Field(description="Calibrated P(IDC), regardless of the decision.")
    decision: Decision
    reasons: list[Reason] = Field(
        description="Why the decision is `uncertain`, whatever P(IDC) is; empty for other decisions."
    )
    model: ModelRef
    thresholds: Thresholds
    latency_ms: float = Field(
        description="How long the gateway waited for inference, all attempts included; the same for images that were "
        "classified together."
    )
    created_at: datetime
    width_px: int = Field(description="The image's own width; a patch is scaled to the model's input.")
    height_px: int
    field: FieldOfView = Field(
        description="How it is known that the image shows a field of 200 µm: `native`, it is 50 x 50 px; `stated` by "
        "`um_per_px`; or `assumed`."
    )
    um_per_px: float | None = Field(description="The stated scale, in micrometres per pixel; null if not stated.")
    folder: UUID | None = Field(description="The folder that it was sent in: see `GET /folders/{id}`.")
    image_sha256: str | None = Field(description="Digest of the stored image; null where images are not stored.")
    review: ReviewItem | None = Field(description="The latest review.")

    @classmethod
    def of(cls, result: Classification) -> Self:
        review = ReviewItem.of(result.review) if result.review else None
        return cls.model_validate({**vars(result), **vars(result.origin), "field": result.field, "review": review})


class ClassificationList(BaseModel):
    """The one result of a request with one image."""

    items: list[ClassificationItem]


class ClassificationPage(BaseModel):
    """Results in the order that was asked for."""

    items: list[ClassificationItem]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")


class ClassificationCounts(BaseModel):
    """How many results are stored, by decision."""

    idc: int
    uncertain: int
    no_idc: int


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None


class BatchItem(BaseModel):
    """One image of a form, with a classification or an error."""

    index: int = Field(description="The image's place in the form, from 0.")
    name: str
    classification: ClassificationItem | None
    error: Problem | None
    stored_before: bool = Field(description="Whether the result was stored already: see the parameter `once`.")

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        return cls(
            index=outcome.index,
            name=outcome.name,
            classification=ClassificationItem.of(outcome.classification) if outcome.classification else None,
            error=problem_item(outcome.failure) if outcome.failure else None,
            stored_before=outcome.is_repeated,
        )


class Batch(BaseModel):
    """The images of a form, in their order."""

    items: list[BatchItem]
    accepted: int
    refused: int


def problem_item(failure: Failure) -> Problem:
    return Problem.model_validate(problems.members(failure.status, failure.kind, failure.detail))
