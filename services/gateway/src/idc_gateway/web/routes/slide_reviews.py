"""Reviews of a slide's cells, each of which moves the slide's cut."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from idc_contracts.slides import CellReview, CellToReview, ReviewsToRecord, ReviewToRecord, Slide
from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import requires
from idc_gateway.web.forwarding import Forward
from idc_gateway.web.routes.slide_images import Place

router = APIRouter(tags=["slides"], dependencies=[Depends(requires(Scope.REVIEW))])

Count = Annotated[int, Query(ge=1, le=100, description="How many cells.")]


Second = Annotated[bool, Query(description="Instead the cells that others have answered and the caller has not.")]


@router.get("/slides/{slide_id:uuid}/next-reviews", response_model=list[CellToReview])
async def next_slide_reviews(
    forward: Forward,
    slide_id: UUID,
    count: Count = 20,
    second: Second = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """The cells whose review helps most: those nearest to the cut, and one in ten at random."""
    query = {"count": str(count), "second": str(second).lower()}
    return await forward.show("slide.viewed", str(slide_id), f"/slides/{slide_id}/next-reviews", query)


@router.get("/slides/{slide_id:uuid}/reviews", response_model=list[CellReview])
async def list_slide_reviews(forward: Forward, slide_id: UUID) -> Response:
    """The latest review of each reviewer, for the cells that the caller has answered.

    Whoever is shown others' answers here gives no blind answer to these cells any more.
    """
    return await forward.show("slide-reviews.viewed", str(slide_id), f"/slides/{slide_id}/reviews")


@router.post("/slides/{slide_id:uuid}/reviews", response_model=Slide)
async def review_slide_cells(forward: Forward, slide_id: UUID, review: ReviewsToRecord) -> Response:
    """Record one answer of the caller for several cells, all or none; the answer has the slide with its moved cut."""
    given = review.model_dump(mode="json", exclude_none=True)
    await forward.record("slide.review-ordered", str(slide_id), **given)
    return await forward.send("POST", f"/slides/{slide_id}/reviews", review.model_dump_json().encode())


@router.put("/slides/{slide_id:uuid}/reviews/{column:int}/{row:int}", response_model=Slide)
async def review_slide_cell(
    forward: Forward, slide_id: UUID, column: Place, row: Place, review: ReviewToRecord
) -> Response:
    """Record what the caller says of one cell; the answer has the slide with its moved cut."""
    given = review.model_dump(mode="json", exclude_none=True)
    await forward.record("slide.review-ordered", str(slide_id), column=column, row=row, **given)
    return await forward.send("PUT", f"/slides/{slide_id}/reviews/{column}/{row}", review.model_dump_json().encode())


@router.delete("/slides/{slide_id:uuid}/reviews/{column:int}/{row:int}", response_model=Slide)
async def withdraw_slide_review(forward: Forward, slide_id: UUID, column: Place, row: Place) -> Response:
    """Withdraw the caller's review of one cell; the answer has the slide with its moved cut.

    Refused (409) once the caller was shown another's answer for it: a new answer counts instead.
    """
    await forward.record("slide.review-withdrawal-ordered", str(slide_id), column=column, row=row)
    return await forward.send("DELETE", f"/slides/{slide_id}/reviews/{column}/{row}")
