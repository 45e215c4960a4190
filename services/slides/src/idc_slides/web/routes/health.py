"""Liveness, readiness and metrics."""

import asyncio
from typing import Final

from fastapi import APIRouter, Response
from pydantic import BaseModel

from idc_slides.errors import StoreUnavailable
from idc_slides.web.dependencies import RoomsDep, health
from idc_slides.web.metrics import CONTENT_TYPE

router = APIRouter()

CHECK_TIMEOUT_S: Final = 3.0


class Readiness(BaseModel):
    """Each check with its result."""

    ready: bool
    checks: dict[str, str]


@router.get("/livez")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses={503: {"model": Readiness}})
async def ready(rooms: RoomsDep, response: Response) -> Readiness:
    """Whether slides can be queued and shown. Without inference the service is ready: slides wait."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await health(rooms.database.check)
        store = "ok"
    except TimeoutError:
        store = f"failed: no answer within {CHECK_TIMEOUT_S:g} s"
    except StoreUnavailable as exc:
        store = f"failed: {exc}"
    folder = "ok" if rooms.watch.trouble is None else f"degraded: {rooms.watch.trouble}"
    response.status_code = 200 if store == "ok" else 503
    return Readiness(ready=store == "ok", checks={"store": store, "folder": folder})


@router.get("/metrics")
async def read_metrics(rooms: RoomsDep) -> Response:
    """Metrics in Prometheus's text format."""
    return Response(await health(rooms.metrics.exposition), media_type=CONTENT_TYPE)
