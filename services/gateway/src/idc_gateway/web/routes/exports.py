"""Results as files."""

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from idc_gateway import executors
from idc_gateway.access.scopes import Scope
from idc_gateway.errors import BadInput, NotFound
from idc_gateway.results.classifications import Classification
from idc_gateway.results.export_record import ExportRecord
from idc_gateway.results.exports import csv_lines
from idc_gateway.results.geojson import Placement, geojson_pieces
from idc_gateway.results.queries import ClassificationFilter
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.web.dependencies import AuditDep, CurrentJob, ResultsDep, requires
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.routes.parameters import Filters

router = APIRouter(tags=["classifications"])

_PAGE = 500
_FILES = {
    "text/csv": {"schema": {"type": "string"}},
    "application/geo+json": {"schema": {"type": "object", "required": ["type", "features"]}},
}


class ExportFormat(StrEnum):
    """The kinds of files."""

    CSV = "csv"
    GEOJSON = "geojson"


async def _placement(
    scale: Annotated[
        float, Query(gt=0, le=1024, description="GeoJSON: slide pixels per pixel of `x`, `y`, `w`, `h`.")
    ] = 1.0,
    downsample: Annotated[
        float | None,
        Query(gt=0, le=1024, description="GeoJSON: slide pixels per pixel of a patch without `w` and `h`; or `scale`."),
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
    results: ResultsDep,
    audit: AuditDep,
    job: CurrentJob,
    filters: Filters,
    placement: Annotated[Placement, Depends(_placement)],
    format: ExportFormat = ExportFormat.CSV,  # noqa: A002 - the query parameter's name
) -> StreamingResponse:
    """All results that match the filters, newest first, as CSV; or as GeoJSON for QuPath, the newest of each place.

    GeoJSON is for one slide. Its last member, `idc_sentinel`, counts the tiles, the results without a place, and those
    whose place has a newer one. A truncated file lacks it.
    """
    if format is ExportFormat.GEOJSON and filters.slide is None:
        raise BadInput("GeoJSON needs the coordinates of one slide: name it with `slide`")
    await executors.exports(_check_labels, results.store, filters)
    record = ExportRecord(audit.store, job, filters, format.value)
    await executors.writes(record.begin)
    running_of(request).at_end.append(record.close)
    if format is ExportFormat.CSV:
        rows = await executors.exports(_rows, results.store, filters)
        return _download(csv_lines(record.counted(rows)), "text/csv; charset=utf-8", "classifications.csv")
    # The newest of a place is chosen among all results there: an older one that matches a filter is outdated.
    rows = await executors.exports(_rows, results.store, replace(filters, decision=None, reason=None, reviewed=None))
    pieces = geojson_pieces(record.counted(rows), placement, filters.fits)
    return _download(pieces, "application/geo+json", "classifications.geojson")


def _check_labels(store: ResultsStore, filters: ClassificationFilter) -> None:
    """Raise NotFound for a slide or patient without a result: the name is wrong."""
    if filters.slide is None and filters.patient is None:
        return
    if not store.page(ClassificationFilter(slide=filters.slide, patient=filters.patient), 1, None).items:
        labels = {"slide": filters.slide, "patient": filters.patient}
        names = " of ".join(f"{kind} {label!r}" for kind, label in labels.items() if label is not None)
        raise NotFound(f"there is no result of {names}: `GET /api/v1/classifications` lists results with their labels")


def _rows(store: ResultsStore, filters: ClassificationFilter) -> Iterator[Classification]:
    """Every result, read page by page; results that are stored meanwhile are left to the next export.

    The first page is read at once, so that a database that does not work gives a problem. One that fails later breaks
    the connection, so that the file does not look complete.
    """
    first = store.page(filters, _PAGE, None)

    def rows() -> Iterator[Classification]:
        page = first
        yield from page.items
        while page.next_cursor is not None:
            page = store.page(filters, _PAGE, page.next_cursor)
            yield from page.items

    return rows()


def _download(pieces: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(executors.exports.iterate(_joined(pieces)), media_type=media_type, headers=headers)


def _joined(pieces: Iterator[str]) -> Iterator[str]:
    # Each piece that is sent costs a turn of the event loop: a page's worth is sent at once.
    while piece := "".join(islice(pieces, _PAGE)):
        yield piece
