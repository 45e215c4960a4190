"""The tissue: DeepZoom, and cells at 4.0 um/px. Label and macro images are no part of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from idc_slides.pictures.tissue_pictures import MAX_AROUND
from idc_slides.web.dependencies import RoomsDep, pictures

router = APIRouter()

Place = Annotated[int, Path(ge=0, le=1_000_000)]


@router.get("/slides/{slide_id}.dzi")
async def read_dzi(slide_id: UUID, rooms: RoomsDep) -> Response:
    """The DeepZoom description."""
    return Response(await pictures(rooms.pictures.dzi, slide_id), media_type="application/xml")


@router.get("/slides/{slide_id}_files/{level}/{column}_{row}.jpeg")
async def read_tile(slide_id: UUID, level: Place, column: Place, row: Place, rooms: RoomsDep) -> Response:
    """A DeepZoom tile."""
    tile = await pictures(rooms.pictures.tile, slide_id, level, column, row)
    return Response(tile, media_type="image/jpeg")


@router.get("/slides/{slide_id}/cells/{column}/{row}.png")
async def read_cell(
    slide_id: UUID, column: Place, row: Place, rooms: RoomsDep, around: Annotated[int, Query(ge=0, le=MAX_AROUND)] = 0
) -> Response:
    """A cell, with so many cells around it."""
    return Response(await pictures(rooms.pictures.cell, slide_id, column, row, around), media_type="image/png")
