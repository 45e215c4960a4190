"""Read, export and delete results."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from idc_contracts import utc_now
from idc_gateway.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.errors import NotFound
from idc_gateway.export_record import as_json
from idc_gateway.requests import Request as Job
from idc_gateway.routes.parameters import GivenCursor, Limit, Wanted, parse_cursor
from idc_gateway.routes.schemas import ClassificationItem, ClassificationPage
from idc_gateway.scopes import Scope

router = APIRouter(tags=["classifications"])
_reads = Depends(requires(Scope.READ))


@router.get("/classifications", dependencies=[_reads])
async def list_classifications(
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    wanted: Wanted,
    limit: Limit = 50,
    cursor: GivenCursor = None,
) -> ClassificationPage:
    """Results, newest first, page by page."""
    page = await asyncio.to_thread(gateway.store.results.page, wanted, limit, parse_cursor(cursor))
    await gateway.accesses.record("results.listed", caller, "classifications", request_id, filter=as_json(wanted))
    return ClassificationPage(
        items=[ClassificationItem.of(result) for result in page.items],
        next_cursor=str(page.next_cursor) if page.next_cursor else None,
    )


@router.get("/classifications/{identity:uuid}", dependencies=[_reads])
async def get_classification(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, identity: UUID
) -> ClassificationItem:
    """One result."""
    result = await asyncio.to_thread(gateway.store.results.get, identity)
    if result is None:
        raise NotFound(f"there is no classification {identity}")
    await gateway.accesses.record("result.viewed", caller, str(identity), request_id)
    return ClassificationItem.of(result)


@router.get(
    "/classifications/{identity:uuid}/image",
    dependencies=[_reads],
    response_class=Response,
    responses={200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_image(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, identity: UUID
) -> Response:
    """The image as it was sent, byte by byte."""
    result = await asyncio.to_thread(gateway.store.results.get, identity)
    if result is None:
        raise NotFound(f"there is no classification {identity}")
    sha256 = result.image_sha256
    media_type = await asyncio.to_thread(gateway.store.images.media_type, sha256) if sha256 else None
    data = None
    if sha256 and media_type and gateway.images:
        data = await asyncio.to_thread(gateway.images.get, sha256)
    if data is None:
        raise NotFound(f"the image of classification {identity} is not, or no longer, stored")
    await gateway.accesses.record("image.viewed", caller, str(identity), request_id, image_sha256=sha256)
    return Response(data, media_type=media_type, headers={"ETag": f'"{sha256}"'})


@router.delete("/classifications/{identity:uuid}", status_code=204, dependencies=[Depends(requires(Scope.ADMIN))])
async def delete_classification(
    gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId, identity: UUID
) -> None:
    """Delete a result, its reviews and its image. The audit chain keeps that it was there and who deleted it."""
    job = Job(caller.name, request_id)
    if not await asyncio.to_thread(gateway.deeds.delete, identity, job, utc_now()):
        raise NotFound(f"there is no classification {identity}")
