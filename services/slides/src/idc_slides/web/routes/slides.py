"""Records of slides: list, queue, state the scale, cancel, delete."""

from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from idc_contracts.base import JSON_NUMBER
from idc_contracts.slides import Slide, SlidePage, SlideState
from idc_slides.errors import NotFound, SlideFailed
from idc_slides.intake.kinds import state_of
from idc_slides.records.screened_store import ScreenedPage
from idc_slides.records.slides import Location, StoredSlide, new_slide
from idc_slides.web.dependencies import Caller, RoomsDep, buckets, records, small_body
from idc_slides.web.rooms import Rooms

router = APIRouter()

Scale = Annotated[float, Field(gt=0.0, le=1000.0, allow_inf_nan=False, description="Of the finest level."), JSON_NUMBER]


class QueuedSlide(BaseModel):
    """What is to be queued: a path of the watched folder, or a URL that the administrator allowed."""

    model_config = ConfigDict(extra="forbid")

    path: str | None = Field(default=None, min_length=1, max_length=4096)
    url: str | None = Field(default=None, min_length=1, max_length=2048)
    um_per_px: Scale | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either `path` or `url`")
        return self


class StatedScale(BaseModel):
    """The scale that a person states; null is what the file says."""

    model_config = ConfigDict(extra="forbid")

    um_per_px: Scale | None


@router.get("/slides")
async def list_slides(
    rooms: RoomsDep,
    state: SlideState | None = None,
    search: Annotated[str, Query(max_length=255)] = "",
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SlidePage:
    """Slides, newest first."""
    return await records(rooms.slides.page, state, search, cursor, limit)


@router.post("/slides", status_code=201)
async def queue_slide(request: Request, rooms: RoomsDep, caller: Caller, response: Response) -> Slide:
    """Queue a slide: 201, or 200 with its record where it is known."""
    wanted = await small_body(request, QueuedSlide)
    threads = records if wanted.url is None else buckets
    slide, is_new = await threads(_queue, rooms, wanted, caller)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/slides/{slide.id}"
    rooms.on_queued()
    return slide


@router.get("/slides/{slide_id}")
async def read_slide(slide_id: UUID, rooms: RoomsDep) -> Slide:
    """One record."""
    return (await records(rooms.slides.get, slide_id)).slide


@router.patch("/slides/{slide_id}")
async def state_scale(slide_id: UUID, request: Request, rooms: RoomsDep) -> Slide:
    """State the scale of a slide, or screen it again."""
    stated = await small_body(request, StatedScale)
    slide = await records(rooms.slides.state_scale, slide_id, stated.um_per_px)
    rooms.pictures.forget(slide_id)
    rooms.on_queued()
    return slide


@router.post("/slides/{slide_id}/cancel")
async def cancel_slide(slide_id: UUID, rooms: RoomsDep) -> Slide:
    """Cancel a slide that waits or runs."""
    return await records(rooms.slides.cancel, slide_id)


@router.delete("/slides/{slide_id}", status_code=204)
async def delete_slide(slide_id: UUID, rooms: RoomsDep) -> None:
    """Delete a record and what was made of it; a file of the watched folder stays."""
    await records(_delete, rooms, slide_id)


@router.get("/screened")
async def list_screened(
    rooms: RoomsDep,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ScreenedPage:
    """Slides that became `done`, in order, for the gateway."""
    return await records(rooms.screened.after, after, limit)


def _queue(rooms: Rooms, wanted: QueuedSlide, caller: str) -> tuple[Slide, bool]:
    return rooms.slides.add_one(_found(rooms, wanted, caller))


def _found(rooms: Rooms, wanted: QueuedSlide, caller: str) -> StoredSlide:
    if wanted.url is not None:
        location, state = Location("s3", wanted.url), rooms.bucket.look(wanted.url)
    else:
        relative = Path(wanted.path or "")
        try:
            state = state_of(rooms.folder.locate(relative))
        except (SlideFailed, FileNotFoundError) as exc:
            rooms.folder.require_there()
            raise NotFound(f"there is no slide {wanted.path!r} in the watched folder") from exc
        location = Location.in_folder(relative)
    return new_slide(location, state, received_by=caller, um_per_px=wanted.um_per_px)


def _delete(rooms: Rooms, slide_id: UUID) -> None:
    # In this order, so that a kill in between leaves a whole slide, or files that housekeeping deletes.
    rooms.files.disown(rooms.slides.get(slide_id))
    stored = rooms.slides.delete(slide_id)
    rooms.files.delete(stored)
    rooms.pictures.forget(slide_id)
