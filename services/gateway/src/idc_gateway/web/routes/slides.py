"""Whole slides: list, queue, scale, cancel, delete. The slides service does the work; the gateway knows the callers."""

from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, model_validator

from idc_contracts.base import JSON_NUMBER
from idc_contracts.slides import Slide, SlidePage, SlideState
from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import requires
from idc_gateway.web.forwarding import Forward, passed_back
from idc_gateway.web.routes.parameters import GivenCursor

router = APIRouter(tags=["slides"])

_reads = Depends(requires(Scope.READ))
_classifies = Depends(requires(Scope.CLASSIFY))
_MAX_UM_PER_PX: Final = 1000.0
_SCALE: Final = "Micrometres per pixel of the finest level; by default what the file says."

Limit = Annotated[int, Query(ge=1, le=200, description="Most items in the answer.")]


_Scale = Annotated[float, Field(gt=0.0, le=_MAX_UM_PER_PX, allow_inf_nan=False), JSON_NUMBER]


class SlideToScreen(BaseModel):
    """A file that should be screened."""

    path: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        pattern=r"^[^\x00]+$",
        description="Below the watched folder, such as `sub/name.svs`.",
    )
    url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2048,
        pattern=r"^s3://[^\x00]+$",
        description="`s3://…`, where the administrator allowed it.",
    )
    um_per_px: _Scale | None = Field(default=None, description=_SCALE)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.path is None) == (self.url is None):
            raise ValueError("send either `path` or `url`")
        return self


class StatedScale(BaseModel):
    """The scale of a slide, as a person states it."""

    um_per_px: _Scale | None = Field(description="Of the finest level; null: what the file says.")


@router.get("/slides", dependencies=[_reads], response_model=SlidePage)
async def list_slides(
    forward: Forward,
    state: SlideState | None = None,
    search: Annotated[str | None, Query(min_length=1, max_length=255, description="A part of the file's name.")] = None,
    cursor: GivenCursor = None,
    limit: Limit = 50,
) -> Response:
    """Slides, newest first, page by page."""
    filters = {name: value for name, value in (("state", state), ("search", search)) if value is not None}
    place = {"limit": str(limit)} | ({"cursor": cursor} if cursor is not None else {})
    answer = await forward.ask("GET", "/slides", query=filters | place)
    await forward.record_view("slides.listed", "slides", filter=filters)
    return passed_back(answer)


@router.post(
    "/slides",
    status_code=201,
    dependencies=[_classifies],
    response_model=Slide,
    responses={200: {"model": Slide, "description": "It is already known: by path, size and time of change."}},
)
async def screen_slide(forward: Forward, wanted: SlideToScreen) -> Response:
    """Queue a file of the watched folder, or of S3. One that is already known keeps its record (200).

    A scale counts while the slide waits. For one that runs or is through another scale is refused (409): PATCH states
    it.
    """
    document = wanted.model_dump_json(exclude_none=True).encode()
    await forward.record("slide.screening-ordered", "slides", **wanted.model_dump(exclude_none=True))
    return await forward.send("POST", "/slides", document)


@router.get("/slides/{slide_id:uuid}", dependencies=[_reads], response_model=Slide)
async def get_slide(forward: Forward, slide_id: UUID) -> Response:
    """One slide: where it is on its way, and its result."""
    return await forward.show("slide.viewed", str(slide_id), f"/slides/{slide_id}")


@router.patch("/slides/{slide_id:uuid}", dependencies=[_classifies], response_model=Slide)
async def state_slide_scale(forward: Forward, slide_id: UUID, scale: StatedScale) -> Response:
    """State the scale of a slide whose file does not tell it; a slide that was screened is screened again."""
    await forward.record("slide.scale-ordered", str(slide_id), um_per_px=scale.um_per_px)
    return await forward.send("PATCH", f"/slides/{slide_id}", scale.model_dump_json().encode())


@router.post("/slides/{slide_id:uuid}/cancel", dependencies=[_classifies], response_model=Slide)
async def cancel_slide(forward: Forward, slide_id: UUID) -> Response:
    """Cancel a slide that waits or runs."""
    await forward.record("slide.cancellation-ordered", str(slide_id))
    return await forward.send("POST", f"/slides/{slide_id}/cancel")


@router.delete("/slides/{slide_id:uuid}", status_code=204, dependencies=[Depends(requires(Scope.ADMIN))])
async def delete_slide(forward: Forward, slide_id: UUID) -> Response:
    """Delete a slide's record and what was made of it; never a file of the watched folder."""
    await forward.record("slide.deletion-ordered", str(slide_id))
    return await forward.send("DELETE", f"/slides/{slide_id}")
