"""Pictures of a slide: DeepZoom tiles of the tissue, and single cells. Label and macro images are never among them."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Path as PathParameter

from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import requires
from idc_gateway.web.forwarding import Forward

router = APIRouter(tags=["slides"], dependencies=[Depends(requires(Scope.READ))])

_LARGEST: Final = 1_000_000
Place = Annotated[int, PathParameter(ge=0, le=_LARGEST)]
Level = Annotated[int, PathParameter(ge=0, le=64)]
Around = Annotated[int, Query(ge=0, le=4, description="Cells on each side that are shown as well.")]


def _image(media_type: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"content": content}, 304: {"description": "As the `ETag` in `If-None-Match`."}}


@router.get(
    "/slides/{slide_id:uuid}.dzi",
    response_class=Response,
    responses={200: {"content": {"application/xml": {"schema": {"type": "string"}}}}},
)
async def get_slide_pyramid(forward: Forward, slide_id: UUID) -> Response:
    """The DeepZoom description of the tissue, for a viewer."""
    return await forward.show("slide-image.viewed", str(slide_id), f"/slides/{slide_id}.dzi")


@router.get(
    "/slides/{slide_id:uuid}_files/{level:int}/{column:int}_{row:int}.jpeg",
    response_class=Response,
    responses=_image("image/jpeg"),
)
async def get_slide_tile(forward: Forward, slide_id: UUID, level: Level, column: Place, row: Place) -> Response:
    """One DeepZoom tile of the tissue."""
    return await forward.show_kept(str(slide_id), f"/slides/{slide_id}_files/{level}/{column}_{row}.jpeg")


@router.get(
    "/slides/{slide_id:uuid}/cells/{column:int}/{row:int}.png",
    response_class=Response,
    responses=_image("image/png"),
)
async def get_slide_cell(forward: Forward, slide_id: UUID, column: Place, row: Place, around: Around = 0) -> Response:
    """One cell at 4.0 µm per pixel, as the model sees it, with the cells around it."""
    path = f"/slides/{slide_id}/cells/{column}/{row}.png"
    return await forward.show_kept(str(slide_id), path, {"around": str(around)})
