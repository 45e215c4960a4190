"""What a slide's cells say: the grid for the page, and files for other programs and for print."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from idc_contracts.slides import OperatingPoints, SlideCells
from idc_gateway.access.scopes import Scope
from idc_gateway.web.dependencies import requires
from idc_gateway.web.forwarding import Forward, Forwarding, passed_back

router = APIRouter(tags=["slides"], dependencies=[Depends(requires(Scope.READ))])


def _file(media_type: str, schema: dict[str, str]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": schema}}}}


_TEXT = {"type": "string"}
_BINARY = {"type": "string", "format": "binary"}


@router.get("/slides/{slide_id:uuid}/grid", response_model=SlideCells)
async def get_slide_grid(forward: Forward, slide_id: UUID) -> Response:
    """All screened cells with their results; while the slide runs, those that are there so far."""
    return await forward.show("slide.viewed", str(slide_id), f"/slides/{slide_id}/grid")


@router.get("/slides/{slide_id:uuid}/operating-points", response_model=OperatingPoints)
async def get_slide_operating_points(forward: Forward, slide_id: UUID) -> Response:
    """Sensitivity and specificity on validation slides at each cut, moved by this slide's shift."""
    return await forward.show("slide.viewed", str(slide_id), f"/slides/{slide_id}/operating-points")


@router.get("/slides/{slide_id:uuid}/cells.csv", response_class=Response, responses=_file("text/csv", _TEXT))
async def export_slide_cells(forward: Forward, slide_id: UUID) -> Response:
    """A line for each cell, with the reviews of the cells that the caller has answered."""
    return await _export(forward, slide_id, "cells.csv")


@router.get(
    "/slides/{slide_id:uuid}/map.geojson",
    response_class=Response,
    responses=_file("application/geo+json", {"type": "object"}),
)
async def export_slide_map(forward: Forward, slide_id: UUID) -> Response:
    """The map for QuPath, in pixels of the finest level."""
    return await _export(forward, slide_id, "map.geojson")


@router.get("/slides/{slide_id:uuid}/heatmap.ome.tif", response_class=Response, responses=_file("image/tiff", _BINARY))
async def export_slide_heatmap(forward: Forward, slide_id: UUID) -> Response:
    """P(IDC) of each cell as an OME-TIFF."""
    return await _export(forward, slide_id, "heatmap.ome.tif")


@router.get("/slides/{slide_id:uuid}/summary.html", response_class=Response, responses=_file("text/html", _TEXT))
async def export_slide_summary(
    forward: Forward,
    slide_id: UUID,
    language: Annotated[
        Literal["en", "de"] | None, Query(description="By default what `Accept-Language` wants most, else English.")
    ] = None,
) -> Response:
    """One page for print, in English or German. For research use only; not a medical device."""
    return await _export(forward, slide_id, "summary.html", {} if language is None else {"language": language})


async def _export(forward: Forwarding, slide_id: UUID, name: str, query: Mapping[str, str] | None = None) -> Response:
    """Every export is recorded before its first byte goes out."""
    wanted = forward.request.headers.get("accept-language")
    headers = {"Accept-Language": wanted} if wanted else {}
    answer = await forward.ask("GET", f"/slides/{slide_id}/{name}", query=query, headers=headers, pool="exports")
    await forward.record("slide.exported", str(slide_id), file=name)
    return passed_back(answer)
