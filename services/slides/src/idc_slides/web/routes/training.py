"""Reviewed cells as a training folder."""

from collections.abc import Callable
from itertools import chain
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from idc_contracts.slides import TrainingPatches
from idc_slides.errors import WrongState
from idc_slides.exports.training_folder import agreed_cells, patient_of, training_folder
from idc_slides.web.dependencies import RoomsDep, cells, pictures
from idc_slides.web.rooms import Rooms

router = APIRouter()

Patient = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]


@router.get("/slides/{slide_id}/training-folder")
async def count_training_patches(slide_id: UUID, rooms: RoomsDep) -> TrainingPatches:
    """How many cells the training folder has, and how many are left out."""
    return agreed_cells((await cells(rooms.reviewing.done, slide_id)).reviews).counts


@router.get("/slides/{slide_id}/training-folder.zip")
async def export_training_folder(slide_id: UUID, rooms: RoomsDep, patient: Patient = None) -> StreamingResponse:
    """The cells on which all readers agree, as a zip that the trainer reads."""
    done = await cells(rooms.reviewing.done, slide_id)
    name = patient or patient_of(done.slide)
    pieces = training_folder(done.slide, agreed_cells(done.reviews), name, _pictures_of(rooms, slide_id))
    first = await pictures(next, pieces)  # a file that is gone is a problem, not a broken download
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(chain([first], pieces), media_type="application/zip", headers=headers)


def _pictures_of(rooms: Rooms, slide_id: UUID) -> Callable[[int, int], bytes | None]:
    def picture(column: int, row: int) -> bytes | None:
        try:
            return rooms.pictures.cell(slide_id, column, row, 0)
        except WrongState:
            return None

    return picture
