"""Reads the bodies that bring images."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import Request

from idc_gateway.classifying.check_image import too_large
from idc_gateway.classifying.origins import origin_of, safe_name
from idc_gateway.classifying.uploads import Upload, UploadLimits, UploadPart, is_multipart, multipart_uploads
from idc_gateway.errors import BadInput
from idc_gateway.results.classifications import PatchOrigin
from idc_gateway.web.encodings import check_encoding
from idc_gateway.web.rooms import Gateway
from idc_servicekit.body_budget import BodyTooLarge, Lease

_BINARY: Final = {"type": "string", "format": "binary"}
_IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/tiff", "image/bmp", "image/webp", "application/octet-stream")

_SLICE_BYTES: Final = 16 * 1024
"""What is taken at one time; a long piece must not need more memory at once than is there."""


def image_body(max_images: int) -> dict[str, Any]:
    """How OpenAPI describes a body that is one image, or a form with at most so many."""
    images = {"type": "array", "minItems": 1, "maxItems": max_images, "items": _BINARY}
    form = {"type": "object", "required": ["images"], "properties": {"images": images}, "additionalProperties": False}
    return {
        "requestBody": {
            "required": True,
            "description": "Encoded patches: PNG, JPEG, TIFF, BMP or WebP, 8-bit RGB, opaque, sides from 10 to 512 px.",
            "content": {
                **{media_type: {"schema": _BINARY} for media_type in _IMAGE_TYPES},
                "multipart/form-data": {"schema": form},
            },
        }
    }


def is_form(request: Request) -> bool:
    """Whether a request brings a form."""
    return is_multipart(request.headers.get("content-type", ""))


@asynccontextmanager
async def one_upload(request: Request, gateway: Gateway, origin: PatchOrigin, name: str) -> AsyncIterator[Upload]:
    """Hold the image that a request's body is, while the block runs.

    Raises:
        UnsupportedEncoding: The body is compressed.
        BodyTooLarge: The body is longer than an image may be.
        BodyTooSlow: It did not arrive in time.
        BodiesExhausted: Other requests hold the memory.
    """
    check_encoding(request.headers)
    length = request.headers.get("content-length")
    max_bytes = gateway.settings.max_image_bytes
    if length and length.isdecimal() and int(length[:20]) > max_bytes:
        raise too_large("the body", int(length[:20]), max_bytes)
    try:
        async with gateway.bodies.read(length, request.stream(), max_bytes=max_bytes) as body:
            safe = safe_name(name)
            yield Upload(safe, body, origin_of(safe, origin))
    except BodyTooLarge as exc:
        raise too_large("the body", None, max_bytes) from exc


@asynccontextmanager
async def only_upload(request: Request, gateway: Gateway) -> AsyncIterator[Upload]:
    """The one image of a body or of a form with one file.

    Raises:
        BadInput: The form has several.
    """
    if not is_form(request):
        async with one_upload(request, gateway, PatchOrigin(), "") as upload:
            yield upload
        return
    with gateway.bodies.lease() as lease:
        uploads: list[Upload] = []
        async for part in form_parts(request, gateway, PatchOrigin(), lease):
            uploads += part.uploads
            if len(uploads) > 1:
                raise BadInput(
                    "this endpoint takes one image, and the form has more: send many to /api/v1/classifications"
                )
        yield uploads[0]


async def form_parts(
    request: Request, gateway: Gateway, origin: PatchOrigin, lease: Lease
) -> AsyncIterator[UploadPart]:
    """The images of a form, part by part; the handler of a part returns its `held_bytes` to the lease.

    Raises:
        UnsupportedEncoding: The body is compressed.
        BadInput: See `multipart_uploads`.
        BodyTooLarge: The form is too large.
        BodyTooSlow: The form did not arrive in time.
        BodiesExhausted: Other requests hold the memory.
    """
    check_encoding(request.headers)
    settings = gateway.settings
    limits = UploadLimits(settings.max_images, settings.max_image_bytes, settings.part_bytes)
    pieces = _held(gateway.bodies.pieces(request.headers.get("content-length"), request.stream()), gateway, lease)
    content_type = request.headers["content-type"]
    async for part in multipart_uploads(pieces, content_type, origin, limits, on_dropped=lease.give_back):
        yield part


async def _held(pieces: AsyncIterator[bytes], gateway: Gateway, lease: Lease) -> AsyncIterator[bytes]:
    is_first = True
    async for piece in pieces:
        for start in range(0, len(piece), _SLICE_BYTES):
            part = piece[start : start + _SLICE_BYTES]
            # A new form is refused where there is no room; one that was begun waits for it.
            if is_first:
                lease.take(len(part))
                is_first = False
            else:
                await lease.take_when_free(len(part), gateway.settings.body_timeout_s)
            yield part
