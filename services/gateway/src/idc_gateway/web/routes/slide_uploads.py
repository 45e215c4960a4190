"""Resumable uploads of slides by tus 1.0 (https://tus.io/protocols/resumable-upload)."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as PathParameter

from idc_gateway.access.scopes import Scope
from idc_gateway.slides.connection import SlidesAnswer
from idc_gateway.web.dependencies import requires
from idc_gateway.web.encodings import check_encoding
from idc_gateway.web.forwarding import SLIDE_HEADER, Forward, Forwarding, our_place, passed_back, passed_headers

router = APIRouter(tags=["slides"], dependencies=[Depends(requires(Scope.CLASSIFY))])

PREFIX: Final = "/api/v1/slides/uploads"
"""Bodies here are passed on as they arrive, and have bounds of their own."""
_PASSED_ON: Final = (
    *("tus-resumable", "upload-length", "upload-offset", "upload-metadata", "upload-defer-length"),
    *("upload-checksum", "content-type", "content-length"),
)
_HEADER: Final = {"schema": {"type": "string"}}
_SLIDE: Final = {"description": "The path of the slide's record, once the upload is whole.", **_HEADER}
_MOVED: Final[dict[str, Any]] = {
    "description": "Taken.",
    "headers": {"Upload-Offset": {"description": "Bytes that are here.", **_HEADER}, SLIDE_HEADER: _SLIDE},
}
_CREATED: Final[dict[str, Any]] = {
    "description": "An upload begins.",
    "headers": {"Location": {"description": "Where the file's bytes are sent.", **_HEADER}, SLIDE_HEADER: _SLIDE},
}

UploadId = Annotated[str, PathParameter(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


@router.options("/slides/uploads", status_code=204)
async def describe_slide_uploads(forward: Forward) -> Response:
    """Which version and extensions of tus are spoken, and how large a file may be."""
    return await forward.send("OPTIONS", "/slides/uploads")


@router.post("/slides/uploads", status_code=201, responses={201: _CREATED})
async def begin_slide_upload(forward: Forward) -> Response:
    """Begin an upload by tus; `Upload-Metadata` has `filename` and perhaps `um_per_px`."""
    await forward.record("slide.upload-ordered", "slides", size_bytes=forward.request.headers.get("upload-length"))
    return await _moved(forward, "POST", "/slides/uploads")


@router.get("/slides/uploads/{upload}", status_code=200, responses={200: _MOVED})
async def get_slide_upload(forward: Forward, upload: UploadId) -> Response:
    """How much of an upload is here, in the headers; clients of tus ask by `HEAD`."""
    answer = await forward.ask("HEAD", f"/slides/uploads/{upload}", headers=_tus_headers(forward.request))
    headers = {name: value for name, value in passed_headers(answer).items() if not name.startswith("content-")}
    return Response(headers=headers)


@router.patch("/slides/uploads/{upload}", status_code=204, responses={204: _MOVED})
async def continue_slide_upload(forward: Forward, upload: UploadId) -> Response:
    """Send on from `Upload-Offset`. The last byte queues the slide: see `X-IDC-Slide`."""
    return await _moved(forward, "PATCH", f"/slides/uploads/{upload}")


@router.delete("/slides/uploads/{upload}", status_code=204)
async def end_slide_upload(forward: Forward, upload: UploadId) -> Response:
    """Give an upload up, and drop what is here of it."""
    await forward.record("slide.upload-removal-ordered", upload)
    answer = await forward.ask("DELETE", f"/slides/uploads/{upload}", headers=_tus_headers(forward.request))
    return passed_back(answer)


async def _moved(forward: Forwarding, method: str, path: str) -> Response:
    """Pass on the file's bytes as they arrive; the slide that they become is recorded with who sent it."""
    request = forward.request
    check_encoding(request.headers)
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    answer = await forward.ask(method, path, headers=_tus_headers(request), body=_pieces(forward) if has_body else b"")
    await _record_slide(forward, answer)
    return passed_back(answer)


def _pieces(forward: Forwarding) -> AsyncIterator[bytes]:
    request = forward.request
    return forward.slides.uploads.pieces(request.headers.get("content-length"), request.stream())


async def _record_slide(forward: Forwarding, answer: SlidesAnswer) -> None:
    if place := answer.headers.get(SLIDE_HEADER):
        await forward.record("slide.uploaded", our_place(place).rpartition("/")[2][:64])


def _tus_headers(request: Request) -> Mapping[str, str]:
    return {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
