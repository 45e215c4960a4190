"""Occlusion maps: which places of a patch the model's answer rests on."""

from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from idc_contracts import ModelRef, Probability
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.errors import NotFound
from idc_gateway.inference.ports import EncodedImage
from idc_gateway.occlusion.explaining import Explaining, OcclusionMap
from idc_gateway.occlusion.windows import PATCH_PX, STEP_PX, WINDOW_PX
from idc_gateway.results.stored_images import read_image
from idc_gateway.web.dependencies import (
    AccessDep,
    CurrentCaller,
    ExplainingDep,
    RequestId,
    ResultsDep,
    requires,
)
from idc_gateway.web.forwarding import Forward
from idc_gateway.web.routes.classifications import Stored
from idc_gateway.web.routes.slide_images import Place
from idc_modelio.field import FIELD_UM

router = APIRouter(dependencies=[Depends(requires(Scope.READ))])

_CELL_BYTES: Final = 64 * 1024
_UM_PER_PX: Final = FIELD_UM / PATCH_PX
Colour = Annotated[int, Field(ge=0, le=255)]


class OcclusionItem(BaseModel):
    """How P(IDC) of a patch changes where a part of it is hidden. For research use only; not a medical device.

    It shows what this model's answer rests on, not what is tumour.
    """

    probability: Probability = Field(description="P(IDC) of the whole patch.")
    model: ModelRef = Field(description="The model that answered now; it may not be the one of the stored result.")
    change: list[list[float]] = Field(
        description="P(IDC) minus P(IDC) with one window hidden, rows from the top. Positive: what is there speaks for "
        "IDC. Each value belongs to the middle of its window."
    )
    window_um: float = Field(description="Side of a window.")
    step_um: float = Field(description="From one window to the next; the first begins at the patch's edge.")
    patch_um: float = Field(description="Side of the patch.")
    fill: tuple[Colour, Colour, Colour] = Field(description="Colour of hidden windows: the patch's mean stain, RGB.")

    @classmethod
    def of(cls, found: OcclusionMap) -> Self:
        return cls(
            probability=found.whole.probability,
            model=found.whole.model,
            change=[[round(value, 4) for value in row] for row in found.changes.tolist()],
            window_um=WINDOW_PX * _UM_PER_PX,
            step_um=STEP_PX * _UM_PER_PX,
            patch_um=FIELD_UM,
            fill=found.fill,
        )


async def _explain(explaining: Explaining, image: EncodedImage, caller: str, request_id: str) -> OcclusionItem:
    return OcclusionItem.of(await explaining.explain(image, caller, request_id))


@router.get("/classifications/{result_id:uuid}/occlusion", tags=["classifications"])
async def explain_classification(
    result: Stored,
    results: ResultsDep,
    access: AccessDep,
    explaining: ExplainingDep,
    caller: CurrentCaller,
    request_id: RequestId,
) -> OcclusionItem:
    """The occlusion map of a stored image, by the model that serves now; one at a time for each caller."""
    sha256 = result.image_sha256
    image = await executors.images(read_image, results.index, results.images, sha256)
    if image is None:
        raise NotFound(f"the image of classification {result.id} is not stored, or was removed")
    await access.views.record("occlusion.viewed", caller, str(result.id), request_id, image_sha256=sha256)
    return await _explain(explaining, EncodedImage(image[0], result.origin.um_per_px), caller.name, request_id)


@router.get("/slides/{slide_id:uuid}/cells/{column:int}/{row:int}/occlusion", tags=["slides"])
async def explain_slide_cell(
    forward: Forward, explaining: ExplainingDep, caller: CurrentCaller, slide_id: UUID, column: Place, row: Place
) -> OcclusionItem:
    """The occlusion map of one cell of a slide, by the model that serves now; one at a time for each caller."""
    answer = await forward.ask("GET", f"/slides/{slide_id}/cells/{column}/{row}.png", query={"around": "0"})
    png = await answer.read(_CELL_BYTES)
    await forward.record_view("slide-occlusion.viewed", str(slide_id), column=column, row=row)
    return await _explain(explaining, EncodedImage(png), caller.name, forward.job.request_id)
