"""The cells of a slide, and what is taken away from them."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from idc_contracts.slides import LatestSlides, OperatingPoints, SlideCells, SlideGrid
from idc_slides.errors import WrongState
from idc_slides.exports.geojson import geojson_pieces
from idc_slides.exports.heatmap import heatmap
from idc_slides.exports.summary import summary
from idc_slides.exports.table import table_lines
from idc_slides.reviews.reviewing import ReviewedSlide
from idc_slides.web.dependencies import Caller, RoomsDep, cells
from idc_slides.web.languages import InTheirLanguage
from idc_slides.web.rooms import Rooms

router = APIRouter()


@router.get("/slides/{slide_id}/grid")
async def read_grid(slide_id: UUID, rooms: RoomsDep) -> Response:
    """The cells as columns; while the slide runs, those that are there."""
    return Response(await cells(_grid, rooms, slide_id), media_type="application/json")


@router.get("/latest-slides")
async def read_latest_slides(
    rooms: RoomsDep,
    model_sha256: Annotated[str, Query(max_length=64)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> LatestSlides:
    """What the latest slides were like to one model, for the gateway's statistics."""
    return await cells(rooms.reviewing.latest, limit, model_sha256)


@router.get("/slides/{slide_id}/operating-points")
async def read_operating_points(slide_id: UUID, rooms: RoomsDep) -> OperatingPoints:
    """Validation sensitivity and specificity of cuts."""
    return await cells(rooms.reviewing.operating_points, slide_id)


@router.get("/slides/{slide_id}/cells.csv")
async def export_csv(slide_id: UUID, rooms: RoomsDep, caller: Caller) -> Response:
    """The cells as CSV, with the reviews that the caller may see."""
    done = await cells(rooms.reviewing.done, slide_id)
    reviews = await cells(rooms.reviewing.show, slide_id, done.reviews, caller)
    lines = table_lines(_grid_of(done), done.decided, reviews)
    return _download(lines, "text/csv; charset=utf-8", done, "csv")


@router.get("/slides/{slide_id}/map.geojson")
async def export_geojson(slide_id: UUID, rooms: RoomsDep) -> Response:
    """Regions and hot spots for QuPath."""
    done = await cells(rooms.reviewing.done, slide_id)
    pieces = geojson_pieces(done.slide, _grid_of(done), done.decided)
    return _download(pieces, "application/geo+json", done, "geojson")


@router.get("/slides/{slide_id}/heatmap.ome.tif")
async def export_heatmap(slide_id: UUID, rooms: RoomsDep) -> Response:
    """The map as OME-TIFF."""

    def made() -> tuple[ReviewedSlide, bytes]:
        done = rooms.reviewing.done(slide_id)
        return done, heatmap(done.decided)

    done, data = await cells(made)
    return Response(data, media_type="image/tiff", headers=_attachment(done, "heatmap.ome.tif"))


@router.get("/slides/{slide_id}/summary.html")
async def export_summary(slide_id: UUID, rooms: RoomsDep, words: InTheirLanguage) -> HTMLResponse:
    """A page for print, in the language that the reader wants."""

    def made() -> str:
        return summary(rooms.reviewing.done(slide_id), rooms.reviewing.minimum_idc_mm2, words)

    return HTMLResponse(await cells(made), headers={"Content-Language": words.code, "Vary": "Accept-Language"})


def _grid(rooms: Rooms, slide_id: UUID) -> bytes:
    found: SlideCells = rooms.reviewing.cells(slide_id)
    return found.model_dump_json().encode()


def _grid_of(done: ReviewedSlide) -> SlideGrid:
    if done.slide.grid is None:
        raise WrongState(f"slide {done.slide.id} has no grid: screen it again")
    return done.slide.grid


def _download(pieces: Iterator[str], media_type: str, done: ReviewedSlide, ending: str) -> StreamingResponse:
    # Whole pieces for the network, not lines.
    return StreamingResponse(_joined(pieces), media_type=media_type, headers=_attachment(done, ending))


def _joined(pieces: Iterator[str], size: int = 64 * 1024) -> Iterator[bytes]:
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield "".join(held).encode()
            held, length = [], 0
    yield "".join(held).encode()


def _attachment(done: ReviewedSlide, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{done.slide.name}.{ending}')}"}
