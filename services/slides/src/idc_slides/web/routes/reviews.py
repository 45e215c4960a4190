"""Reviews of cells."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from idc_contracts.slides import CellReview, CellToReview, ReviewsToRecord, ReviewToRecord, Slide
from idc_slides.web.dependencies import Caller, RoomsDep, cells, small_body

router = APIRouter()

Place = Annotated[int, Path(ge=0, le=1_000_000)]


@router.get("/slides/{slide_id}/next-reviews")
async def next_reviews(
    slide_id: UUID,
    rooms: RoomsDep,
    caller: Caller,
    count: Annotated[int, Query(ge=1, le=100)] = 20,
    second: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query parameter
) -> list[CellToReview]:
    """The cells that should be reviewed next; with `second` those that only others have answered."""
    return await cells(rooms.reviewing.next, slide_id, count, caller, second=second)


@router.get("/slides/{slide_id}/reviews")
async def list_reviews(slide_id: UUID, rooms: RoomsDep, caller: Caller) -> list[CellReview]:
    """The latest review of each reviewer, for the cells that the caller has answered."""
    return await cells(rooms.reviewing.reviews, slide_id, caller)


@router.post("/slides/{slide_id}/reviews")
async def review_cells(slide_id: UUID, request: Request, rooms: RoomsDep, caller: Caller) -> Slide:
    """Give one answer for several cells; the answer is the slide with its cut moved."""
    given = await small_body(request, ReviewsToRecord)
    return await cells(rooms.reviewing.review_all, slide_id, given, caller)


@router.put("/slides/{slide_id}/reviews/{column}/{row}")
async def review_cell(
    slide_id: UUID, column: Place, row: Place, request: Request, rooms: RoomsDep, caller: Caller
) -> Slide:
    """Review a cell; the answer is the slide with its cut moved."""
    given = await small_body(request, ReviewToRecord)
    return await cells(rooms.reviewing.review, slide_id, column, row, given, caller)


@router.delete("/slides/{slide_id}/reviews/{column}/{row}")
async def withdraw_review(slide_id: UUID, column: Place, row: Place, rooms: RoomsDep, caller: Caller) -> Slide:
    """Delete the caller's review of a cell; the answer is the slide with its cut moved back."""
    return await cells(rooms.reviewing.withdraw, slide_id, column, row, caller)
