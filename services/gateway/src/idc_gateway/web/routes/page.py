"""The web page and the API's description: static files without results, and without a key."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

STATIC: Final = Path(str(files("idc_gateway.web") / "static"))
BUILT: Final = STATIC.with_name("built")
"""What `make page` makes of `services/gateway/page`; an image always has it."""

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The page, which has its own sign-in; where it was not built, how to build it."""
    index = BUILT / "index.html"
    return FileResponse(index) if index.is_file() else FileResponse(STATIC / "unbuilt.html", 503)


@router.get("/docs")
async def docs() -> FileResponse:
    """The API's description, with Swagger UI from this machine."""
    return FileResponse(STATIC / "docs.html")


def mount_static_files(app: FastAPI) -> None:
    """Serve the page's files, and those of Swagger UI from the package fastapi-offline."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.mount("/page", StaticFiles(directory=BUILT, check_dir=False), name="page")
    app.mount("/swagger-ui", StaticFiles(packages=[("fastapi_offline", "static")]), name="swagger-ui")
