"""A pathologist's word on a result."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import NotFound
from idc_gateway.idempotency.idempotent import idempotent
from idc_gateway.idempotency.receipts import Claim, Receipt, fingerprint_of
from idc_gateway.results.classifications import Review, Verdict
from idc_gateway.web.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.web.routes.parameters import IdempotencyKey
from idc_gateway.web.routes.schemas import ReviewItem

router = APIRouter(tags=["reviews"])


class NewReview(BaseModel):
    """What a pathologist says."""

    verdict: Verdict
    comment: str = Field(default="", max_length=4000, pattern=r"^[^\x00]*$")


class ReviewList(BaseModel):
    """All reviews of a result, newest first."""

    items: list[ReviewItem]


@router.post(
    "/classifications/{identity:uuid}/review",
    status_code=201,
    response_model=ReviewItem,
    dependencies=[Depends(requires(Scope.REVIEW))],
)
async def review_classification(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    identity: UUID,
    review: NewReview,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Record a verdict. It stands above those before, which stay in the history."""
    now = utc_now()
    stored = Review(review.verdict, review.comment, caller.name, now)
    details = {"verdict": review.verdict.value, "comment": review.comment}
    event = AuditEvent("review.recorded", caller.name, str(identity), now, request_id, details)

    def do(receipt: Receipt | None) -> None:
        if not gateway.store.reviews.add(identity, stored, event, receipt):
            raise NotFound(f"there is no classification {identity}")

    claim = None
    if idempotency_key is not None:
        asked = [b"review", identity.bytes, review.verdict.encode(), review.comment.encode()]
        claim = Claim(caller.name, idempotency_key, 0, fingerprint_of(asked))
    answer = ReviewItem.of(stored).model_dump_json().encode()
    body = await idempotent(gateway.store.receipts, claim, answer, now, do)
    return Response(body, 201, media_type="application/json")


@router.get("/classifications/{identity:uuid}/review", dependencies=[Depends(requires(Scope.READ))])
async def list_reviews(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, identity: UUID
) -> ReviewList:
    """All that was said of a result, newest first."""
    if await executors.reads(gateway.store.results.get, identity) is None:
        raise NotFound(f"there is no classification {identity}")
    history = await executors.reads(gateway.store.reviews.history, identity)
    await gateway.accesses.record("reviews.viewed", caller, str(identity), request_id)
    return ReviewList(items=[ReviewItem.of(review) for review in history])
