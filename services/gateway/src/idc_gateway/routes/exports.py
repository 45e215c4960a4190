"""Results as files."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from idc_gateway import executors
from idc_gateway.classifications import Classification
from idc_gateway.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId, requires
from idc_gateway.errors import BadInput
from idc_gateway.export_record import ExportRecord
from idc_gateway.exports import csv_lines, geojson_pieces
from idc_gateway.lasting_authority import running_of
from idc_gateway.queries import ClassificationFilter
from idc_gateway.requests import Request as Job
from idc_gateway.routes.parameters import Wanted
from idc_gateway.scopes import Scope

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


@router.get(
    "/classifications/export",
    response_class=StreamingResponse,
    responses={200: {"content": _FILES}},
    dependencies=[Depends(requires(Scope.READ))],
)
def export_classifications(
    request: Request,
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    wanted: Wanted,
    format: ExportFormat = ExportFormat.CSV,  # noqa: A002 - the query parameter's name
    scale: Annotated[float, Query(gt=0, le=1024, description="Slide pixels for one pixel of `x` and `y`.")] = 1.0,
) -> StreamingResponse:
    """All results that the filters leave, newest first: CSV, or GeoJSON of one slide for QuPath."""
    if format is ExportFormat.GEOJSON and wanted.slide is None:
        raise BadInput("GeoJSON has the coordinates of one slide: name it with `slide`")
    record = ExportRecord(gateway.store.audit, Job(caller.name, request_id), wanted, format.value)
    record.begin()
    running_of(request).at_end.append(record.close)
    results = record.counted(_all(gateway, wanted))
    if format is ExportFormat.CSV:
        return _download(csv_lines(results), "text/csv; charset=utf-8", "classifications.csv")
    return _download(geojson_pieces(results, scale=scale), "application/geo+json", "classifications.geojson")


def _all(gateway: Gateway, wanted: ClassificationFilter) -> Iterator[Classification]:
    """Every result, read page by page; what is stored meanwhile is newer and comes with the next export."""
    cursor = None
    while True:
        page = gateway.store.results.page(wanted, _PAGE, cursor)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


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
