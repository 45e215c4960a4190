"""Uploads by tus 1.0: core, creation, termination, expiration (https://tus.io/protocols/resumable-upload)."""

import asyncio
import base64
import binascii
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from idc_contracts.slides import Slide
from idc_slides.errors import BadInput, Busy, UnsupportedMedia, UnsupportedTusVersion
from idc_slides.intake.leftovers import queue_upload
from idc_slides.intake.uploads import Piece, Upload
from idc_slides.web.dependencies import Caller, RoomsDep, uploads
from idc_slides.web.rooms import Rooms

TUS_VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,termination,expiration"
OFFSET_TYPE: Final = "application/offset+octet-stream"
SLIDE_HEADER: Final = "X-IDC-Slide"
PIECE_TIMEOUT_S: Final = 60.0
"""How long a sender may be silent; what arrived is kept."""
PIECE_BYTES: Final = 1024 * 1024
MAX_UPLOADS_AT_ONCE: Final = 32


async def _tus(response: Response, tus_resumable: Annotated[str, Header()] = "") -> None:
    """Require the protocol's version, and say it in the answer."""
    if tus_resumable != TUS_VERSION:
        raise UnsupportedTusVersion(f"the header Tus-Resumable is {tus_resumable[:16]!r}: this speaks {TUS_VERSION}")
    response.headers["Tus-Resumable"] = TUS_VERSION
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(prefix="/slides/uploads")
_running: set[UUID] = set()


@router.options("", status_code=204)
async def describe_uploads(rooms: RoomsDep, response: Response) -> None:
    """What uploads can do."""
    response.headers["Tus-Resumable"] = TUS_VERSION
    response.headers["Tus-Version"] = TUS_VERSION
    response.headers["Tus-Extension"] = EXTENSIONS
    response.headers["Tus-Max-Size"] = str(rooms.uploads.max_bytes)


@router.post("", status_code=201, dependencies=[Depends(_tus)])
async def create_upload(
    rooms: RoomsDep,
    caller: Caller,
    response: Response,
    upload_length: Annotated[str, Header()] = "",
    upload_metadata: Annotated[str, Header(max_length=4096)] = "",
) -> None:
    """Announce a file: its size, and `filename` and perhaps `um_per_px` as metadata."""
    if not (upload_length.isascii() and upload_length.isdecimal() and 0 < len(upload_length) < 16):
        raise BadInput("give Upload-Length: the size of the file in bytes")
    if int(upload_length) == 0:
        raise BadInput("the file is empty: send a slide")
    given = _metadata(upload_metadata)
    if not given.get("filename"):
        raise BadInput("give Upload-Metadata with `filename`, in base64")
    um_per_px = _scale(given.get("um_per_px"))
    upload = await uploads(rooms.uploads.create, given["filename"], int(upload_length), um_per_px, caller)
    response.headers["Location"] = f"/slides/uploads/{upload.id}"
    response.headers["Upload-Expires"] = _expires(rooms, upload)


@router.head("/{upload_id}", dependencies=[Depends(_tus)])
async def look_at_upload(upload_id: UUID, rooms: RoomsDep, response: Response) -> None:
    """How much has arrived; where all has, also the slide's record."""
    upload = await uploads(rooms.uploads.get, upload_id)
    offset = await uploads(rooms.uploads.offset, upload)
    await _tell(rooms, upload, offset, response)
    response.headers["Upload-Length"] = str(upload.size_bytes)


@router.patch("/{upload_id}", status_code=204, dependencies=[Depends(_tus)])
async def append_to_upload(
    upload_id: UUID,
    request: Request,
    rooms: RoomsDep,
    response: Response,
    content_type: Annotated[str, Header()] = "",
    upload_offset: Annotated[str, Header()] = "",
) -> None:
    """Send bytes; what arrived is kept, whatever ends the request."""
    if content_type != OFFSET_TYPE:
        raise UnsupportedMedia(f"the content type is {content_type[:64]!r}: send {OFFSET_TYPE}")
    if not (upload_offset.isascii() and upload_offset.isdecimal() and len(upload_offset) < 16):
        raise BadInput("give Upload-Offset: how many bytes have arrived, as HEAD says")
    upload = await uploads(rooms.uploads.get, upload_id)
    if len(_running) >= MAX_UPLOADS_AT_ONCE:
        raise Busy(f"{MAX_UPLOADS_AT_ONCE} uploads are in progress: try again in a moment")
    _running.add(upload_id)
    try:
        async with _writing(rooms, upload, int(upload_offset)) as piece:
            await _receive(request, piece)
    finally:
        _running.discard(upload_id)
    await _tell(rooms, upload, piece.offset, response)


@router.delete("/{upload_id}", status_code=204, dependencies=[Depends(_tus)])
async def end_upload(upload_id: UUID, rooms: RoomsDep) -> None:
    """End an upload before it is complete."""
    await uploads(rooms.uploads.end, upload_id)


@asynccontextmanager
async def _writing(rooms: Rooms, upload: Upload, offset: int) -> AsyncIterator[Piece]:
    """As `Uploads.writing`, in threads: to put a gigabyte on the disk takes its time."""
    writing = rooms.uploads.writing(upload, offset)
    piece = await uploads(writing.__enter__)
    try:
        yield piece
    finally:
        await uploads(writing.__exit__, None, None, None)


async def _receive(request: Request, piece: Piece) -> None:
    """Write what arrives, in pieces that are worth a thread."""
    held = bytearray()
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(PIECE_TIMEOUT_S):
                data = await anext(stream, None)
            if data is None:
                break
            held += data
            if len(held) >= PIECE_BYTES:
                data, held = bytes(held), bytearray()
                await uploads(piece.write, data)
    except TimeoutError as exc:
        raise BadInput(f"nothing arrived for {PIECE_TIMEOUT_S:.0f} s: go on from where HEAD says") from exc
    finally:
        if held:
            await uploads(piece.write, bytes(held))


async def _tell(rooms: Rooms, upload: Upload, offset: int, response: Response) -> None:
    response.headers["Upload-Offset"] = str(offset)
    if offset < upload.size_bytes:
        response.headers["Upload-Expires"] = _expires(rooms, upload)
        return
    slide = await uploads(_complete, rooms, upload)
    if slide is not None:
        response.headers[SLIDE_HEADER] = f"/slides/{slide.id}"
        rooms.on_queued()


def _complete(rooms: Rooms, upload: Upload) -> Slide | None:
    queued = queue_upload(rooms.uploads, rooms.slides, upload)
    return None if queued is None else queued[0]


def _expires(rooms: Rooms, upload: Upload) -> str:
    return format_datetime(rooms.uploads.expires_at(upload), usegmt=True)


def _metadata(text: str) -> dict[str, str]:
    pairs = [part.strip().partition(" ") for part in text.split(",") if part.strip()]
    try:
        return {name: os.fsdecode(base64.b64decode(value, validate=True)) for name, _, value in pairs}
    except (binascii.Error, ValueError) as exc:
        raise BadInput("Upload-Metadata is pairs of a name and a value in base64, separated by commas") from exc


def _scale(text: str | None) -> float | None:
    if text is None or text == "":
        return None
    try:
        um_per_px = float(text)
    except ValueError:
        um_per_px = 0.0
    if not 0.0 < um_per_px <= 1000.0:
        raise BadInput(f"um_per_px is {text[:32]!r}: give the µm per pixel of the finest level as a number")
    return um_per_px
