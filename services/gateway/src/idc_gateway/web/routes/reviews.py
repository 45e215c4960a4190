"""Pathologists' reviews of a result."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from idc_contracts import utc_now
from idc_gateway.access.scopes import Scope
from idc_gateway.idempotency.job import Job
from idc_gateway.idempotency.receipts import Claim, fingerprint_of
from idc_gateway.results.classifications import Review, Verdict
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, RequestId, ResultsDep, requires
from idc_gateway.web.routes.parameters import IdempotencyKey
from idc_gateway.web.routes.schemas import ReviewItem

router = APIRouter(tags=["reviews"])


class NewReview(BaseModel):
    """A pathologist's review."""

    verdict: Verdict
    comment: str = Field(default="", max_length=4000, pattern=r"^[^\x00]*$")


class ReviewList(BaseModel):
    """All reviews of a result, newest first."""

    items: list[ReviewItem]


@router.post(
    "/classifications/{result_id:uuid}/review",
    status_code=201,
    response_model=ReviewItem,
    dependencies=[Depends(requires(Scope.REVIEW))],
)
async def review_classification(
    results: ResultsDep,
    caller: CurrentCaller,
    request_id: RequestId,
    result_id: UUID,
    review: NewReview,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Record a review. The latest one counts; the earlier ones stay in the history."""
    pieces = [b"review", result_id.bytes, review.verdict.encode(), review.comment.encode()]
    claim = Claim(caller.name, idempotency_key, 0, fingerprint_of(pieces)) if idempotency_key else None
    stored = Review(review.verdict, review.comment, caller.name, utc_now())
    answer = ReviewItem.of(stored).model_dump_json().encode()
    body = await results.reviewing.record(result_id, stored, answer, Job(caller.name, request_id, claim))
    return Response(body, 201, media_type="application/json")


@router.get("/classifications/{result_id:uuid}/review", dependencies=[Depends(requires(Scope.READ))])
async def list_reviews(
    results: ResultsDep, access: AccessDep, caller: CurrentCaller, request_id: RequestId, result_id: UUID
) -> ReviewList:
    """All reviews of a result, newest first."""
    history = await results.reviewing.history(result_id)
    await access.views.record("reviews.viewed", caller, str(result_id), request_id)
    return ReviewList(items=[ReviewItem.of(review) for review in history])
