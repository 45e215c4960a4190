"""Read and delete results."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from idc_contracts import Decision, utc_now
from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import NotFound, UnusableImage
from idc_gateway.results.classifications import Classification
from idc_gateway.results.export_record import as_json
from idc_gateway.results.queries import ClassificationFilter, Cursor, Order, Page, UncertaintyCursor
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.results.stored_images import read_image
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, RequestId, ResultsDep, requires
from idc_gateway.web.routes.parameters import Filters, OrderedPage, WantedPage, parse_cursor
from idc_gateway.web.routes.schemas import ClassificationCounts, ClassificationItem, ClassificationPage
from idc_modelio.errors import PatchError
from idc_modelio.patches import as_png

router = APIRouter(tags=["classifications"])
_reads = Depends(requires(Scope.READ))


@router.get("/classifications", dependencies=[_reads])
async def list_classifications(
    results: ResultsDep,
    access: AccessDep,
    caller: CurrentCaller,
    request_id: RequestId,
    filters: Filters,
    wanted: WantedPage,
) -> ClassificationPage:
    """Results, newest first or most uncertain first, page by page."""
    page = await executors.reads(_page, results.store, filters, wanted)
    await access.views.record("results.listed", caller, "classifications", request_id, filter=as_json(filters))
    return ClassificationPage(
        items=[ClassificationItem.of(result) for result in page.items],
        next_cursor=str(page.next_cursor) if page.next_cursor else None,
    )


def _page(store: ResultsStore, filters: ClassificationFilter, wanted: OrderedPage) -> Page[Cursor | UncertaintyCursor]:
    if wanted.order is Order.NEWEST:
        return store.page(filters, wanted.limit, parse_cursor(wanted.cursor))
    after = None if wanted.cursor is None else UncertaintyCursor.parse(wanted.cursor)
    return store.most_uncertain(filters, wanted.limit, after)


@router.get("/classifications/counts", dependencies=[_reads])
async def count_classifications(results: ResultsDep) -> ClassificationCounts:
    """How many results are stored, by decision: those of all folders and of none."""
    counts = await executors.reads(results.store.counts)
    return ClassificationCounts.model_validate({decision.value: counts.get(decision, 0) for decision in Decision})


async def _stored(results: ResultsDep, result_id: UUID) -> Classification:
    result = await executors.reads(results.store.get, result_id)
    if result is None:
        raise NotFound(f"there is no classification {result_id}")
    return result


Stored = Annotated[Classification, Depends(_stored)]


@router.get("/classifications/{result_id:uuid}", dependencies=[_reads])
async def get_classification(
    result: Stored, access: AccessDep, caller: CurrentCaller, request_id: RequestId
) -> ClassificationItem:
    """One result."""
    await access.views.record("result.viewed", caller, str(result.id), request_id)
    return ClassificationItem.of(result)


@router.get(
    "/classifications/{result_id:uuid}/image",
    dependencies=[_reads],
    response_class=Response,
    responses={200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_image(
    result: Stored,
    results: ResultsDep,
    access: AccessDep,
    caller: CurrentCaller,
    request_id: RequestId,
    rendition: Annotated[
        Literal["png"] | None, Query(alias="as", description="`png` for browsers, which show no TIFF.")
    ] = None,
) -> Response:
    """The image as it was sent, byte by byte; or as a PNG of the same pixels."""
    sha256 = result.image_sha256
    image = await executors.images(read_image, results.index, results.images, sha256)
    if image is None:
        raise NotFound(f"the image of classification {result.id} is not stored, or was removed")
    await access.views.record("image.viewed", caller, str(result.id), request_id, image_sha256=sha256)
    data, media_type = image
    if rendition == "png" and media_type != "image/png":
        return Response(await _png_of(data), media_type="image/png", headers={"ETag": f'"{sha256}-png"'})
    return Response(data, media_type=media_type, headers={"ETag": f'"{sha256}"'})


async def _png_of(data: bytes) -> bytes:
    """Decodes no more than a check of a new image does: it was checked when it came, and is bounded likewise."""
    try:
        return await executors.decoding(as_png, data)
    except PatchError as exc:
        raise UnusableImage(f"the stored image cannot be shown: {exc}") from exc


@router.delete("/classifications/{result_id:uuid}", status_code=204, dependencies=[Depends(requires(Scope.ADMIN))])
async def delete_classification(
    results: ResultsDep, caller: CurrentCaller, request_id: RequestId, result_id: UUID
) -> None:
    """Delete a result, its reviews and its image. The audit chain keeps that it existed and who deleted it."""
    event = AuditEvent("classification.deleted", caller.name, str(result_id), utc_now(), request_id)
    if not await executors.writes(results.store.delete, result_id, event):
        raise NotFound(f"there is no classification {result_id}")
    await results.deletions.run_soon()
