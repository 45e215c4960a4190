"""Results as files."""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.errors import BadInput, NotFound
from idc_gateway.idempotency.job import Job
from idc_gateway.results.classifications import Classification
from idc_gateway.results.export_record import ExportRecord
from idc_gateway.results.exports import csv_lines
from idc_gateway.results.geojson import Placement, geojson_pieces
from idc_gateway.results.queries import ClassificationFilter, Page
from idc_gateway.web.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId, requires
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.routes.parameters import Wanted

router = APIRouter(tags=["classifications"])

_PAGE = 500
_FILES = {
    "text/csv": {"schema": {"type": "string"}},
    "application/geo+json": {"schema": {"type": "object", "required": ["type", "features"]}},
}


class ExportFormat(StrEnum):
    """The files that can be had."""

    CSV = "csv"
    GEOJSON = "geojson"


async def _placement(
    scale: Annotated[
        float, Query(gt=0, le=1024, description="GeoJSON: slide pixels for one pixel of `x`, `y`, `w`, `h`.")
    ] = 1.0,
    downsample: Annotated[
        float | None,
        Query(
            gt=0,
            le=1024,
            description="GeoJSON: slide pixels for one pixel of a patch without `w` and `h`; else as `scale`.",
        ),
    ] = None,
) -> Placement:
    return Placement(scale, downsample)


@router.get(
    "/classifications/export",
    response_class=StreamingResponse,
    responses={200: {"content": _FILES}},
    dependencies=[Depends(requires(Scope.READ))],
)
async def export_classifications(
    request: Request,
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    wanted: Wanted,
    placement: Annotated[Placement, Depends(_placement)],
    format: ExportFormat = ExportFormat.CSV,  # noqa: A002 - the query parameter's name
) -> StreamingResponse:
    """All results that the filters leave, newest first, as CSV; or as GeoJSON for QuPath, the newest of each place.

    GeoJSON is of one slide. Its last member, `idc_sentinel`, counts the tiles, the results without a place, and those
    whose place has a newer one. A file that was cut off lacks it.
    """
    if format is ExportFormat.GEOJSON and wanted.slide is None:
        raise BadInput("GeoJSON has the coordinates of one slide: name it with `slide`")
    await executors.exports(_check_known, gateway, wanted)
    record = ExportRecord(gateway.store.audit, Job(caller.name, request_id), wanted, format.value)
    await executors.writes(record.begin)
    running_of(request).at_end.append(record.close)
    if format is ExportFormat.CSV:
        results = await executors.exports(_all, gateway, wanted)
        return _download(csv_lines(record.counted(results)), "text/csv; charset=utf-8", "classifications.csv")
    # What is newest at a place is asked of all results there: an older one that fits a filter is out of date.
    results = await executors.exports(_all, gateway, replace(wanted, decision=None, reviewed=None))
    pieces = geojson_pieces(record.counted(results), placement, wanted.fits)
    return _download(pieces, "application/geo+json", "classifications.geojson")


def _check_known(gateway: Gateway, wanted: ClassificationFilter) -> None:
    """Refuse a slide or patient of which there is no result: the name is wrong."""
    if wanted.slide is None and wanted.patient is None:
        return
    named = ClassificationFilter(slide=wanted.slide, patient=wanted.patient)
    if not gateway.store.results.page(named, 1, None).items:
        labels = {"slide": wanted.slide, "patient": wanted.patient}
        told = " of ".join(f"{kind} {label!r}" for kind, label in labels.items() if label is not None)
        raise NotFound(f"there is no result of {told}: `GET /api/v1/classifications` lists results with their labels")


def _all(gateway: Gateway, wanted: ClassificationFilter) -> Iterator[Classification]:
    """Every result, read page by page; what is stored meanwhile is newer and comes with the next export.

    The first page is read at once: a database that does not work is told before the answer begins. One that fails later
    breaks the connection off, so that nobody takes what came for all.
    """
    return _from(gateway, wanted, gateway.store.results.page(wanted, _PAGE, None))


def _from(gateway: Gateway, wanted: ClassificationFilter, page: Page) -> Iterator[Classification]:
    yield from page.items
    while page.next_cursor is not None:
        page = gateway.store.results.page(wanted, _PAGE, page.next_cursor)
        yield from page.items


def _download(pieces: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(executors.exports.iterate(_joined(pieces)), media_type=media_type, headers=headers)


def _joined(pieces: Iterator[str]) -> Iterator[str]:
    # Each piece that is sent costs a turn of the event loop: a page's worth goes at once.
    buffer: list[str] = []
    for piece in pieces:
        buffer.append(piece)
        if len(buffer) >= _PAGE:
            yield "".join(buffer)
            buffer.clear()
    yield "".join(buffer)
