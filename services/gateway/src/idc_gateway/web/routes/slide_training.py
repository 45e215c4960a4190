"""Reviewed cells of a slide as a training folder. It has everybody's answers, so it is for administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from idc_contracts.slides import TrainingPatches
from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import requires
from idc_gateway.web.forwarding import Forward, passed_back

router = APIRouter(tags=["slides"], dependencies=[Depends(requires(Scope.ADMIN))])

Patient = Annotated[
    str | None,
    Query(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$",
        description="By which the trainer divides patches; by default the file's name. Slides of one patient need one.",
    ),
]


@router.get("/slides/{slide_id:uuid}/training-folder", response_model=TrainingPatches)
async def count_slide_training_patches(forward: Forward, slide_id: UUID) -> Response:
    """How many reviewed cells the training folder has, and how many are left out."""
    return await forward.show("slide-reviews.viewed", str(slide_id), f"/slides/{slide_id}/training-folder")


@router.get(
    "/slides/{slide_id:uuid}/training-folder.zip",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export_slide_training_folder(forward: Forward, slide_id: UUID, patient: Patient = None) -> Response:
    """The reviewed cells on which all their readers agree, in class folders 0 and 1, for `idc-trainer`."""
    query = {} if patient is None else {"patient": patient}
    path = f"/slides/{slide_id}/training-folder.zip"
    answer = await forward.ask("GET", path, query=query, pool="exports")
    await forward.record("slide.exported", str(slide_id), file="training-folder.zip")
    return passed_back(answer)
