"""Reviews of cells."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from idc_contracts import Note
from idc_contracts.slides import CellReview, CellToReview, Slide, SlideVerdict
from idc_slides.web.dependencies import Caller, RoomsDep, cells, small_body

router = APIRouter()

Place = Annotated[int, Path(ge=0, le=1_000_000)]


class GivenReview(BaseModel):
    """What a reviewer says of a cell."""

    model_config = ConfigDict(extra="forbid")

    verdict: SlideVerdict
    comment: Note | None = None


@router.get("/slides/{slide_id}/next-reviews")
async def next_reviews(
    slide_id: UUID, rooms: RoomsDep, count: Annotated[int, Query(ge=1, le=100)] = 20
) -> list[CellToReview]:
    """The cells that should be reviewed next."""
    return await cells(rooms.reviewing.next, slide_id, count)


@router.get("/slides/{slide_id}/reviews")
async def list_reviews(slide_id: UUID, rooms: RoomsDep) -> list[CellReview]:
    """The latest review of each reviewer and cell."""
    return await cells(rooms.reviewing.reviews, slide_id)


@router.put("/slides/{slide_id}/reviews/{column}/{row}")
async def review_cell(
    slide_id: UUID, column: Place, row: Place, request: Request, rooms: RoomsDep, caller: Caller
) -> Slide:
    """Review a cell; the answer is the slide with its cut moved."""
    given = await small_body(request, GivenReview)
    return await cells(rooms.reviewing.review, slide_id, column, row, given.verdict, given.comment, caller)


@router.delete("/slides/{slide_id}/reviews/{column}/{row}")
async def withdraw_review(slide_id: UUID, column: Place, row: Place, rooms: RoomsDep, caller: Caller) -> Slide:
    """Delete the caller's review of a cell; the answer is the slide with its cut moved back."""
    return await cells(rooms.reviewing.withdraw, slide_id, column, row, caller)
