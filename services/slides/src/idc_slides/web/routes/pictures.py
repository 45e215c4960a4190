"""The tissue: DeepZoom, and cells at 4.0 um/px. Label and macro images are no part of it."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from idc_slides.pictures.tissue_pictures import MAX_AROUND, TissuePictures
from idc_slides.web.dependencies import RoomsDep, pictures

router = APIRouter()

Place = Annotated[int, Path(ge=0, le=1_000_000)]


@router.get("/slides/{slide_id}.dzi")
async def read_dzi(slide_id: UUID, rooms: RoomsDep) -> Response:
    """The DeepZoom description."""
    return Response(await pictures(rooms.pictures.dzi, slide_id), media_type="application/xml")


@router.get("/slides/{slide_id}_files/{level}/{column}_{row}.jpeg")
async def read_tile(
    slide_id: UUID, level: Place, column: Place, row: Place, request: Request, rooms: RoomsDep
) -> Response:
    """A DeepZoom tile."""
    return await _picture(request, rooms.pictures, rooms.pictures.tile, slide_id, level, column, row)


@router.get("/slides/{slide_id}/cells/{column}/{row}.png")
async def read_cell(
    slide_id: UUID,
    column: Place,
    row: Place,
    request: Request,
    rooms: RoomsDep,
    around: Annotated[int, Query(ge=0, le=MAX_AROUND)] = 0,
) -> Response:
    """A cell, with so many cells around it."""
    return await _picture(request, rooms.pictures, rooms.pictures.cell, slide_id, column, row, around)


async def _picture(
    request: Request, room: TissuePictures, make: Callable[..., bytes], slide_id: UUID, *place: int
) -> Response:
    """A picture, or 304 where the caller has it: it changes with the file and with the scale alone."""
    headers = {"ETag": await pictures(room.tag, slide_id)}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    media_type = f"image/{request.url.path.rpartition('.')[2]}"
    return Response(await pictures(make, slide_id, *place), media_type=media_type, headers=headers)
