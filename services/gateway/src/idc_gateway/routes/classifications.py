"""Classify patches, and read the results again."""

import asyncio
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from idc_gateway.classifications import Classification
from idc_gateway.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId
from idc_gateway.errors import NotFound
from idc_gateway.keys import Caller
from idc_gateway.queries import ClassificationFilter
from idc_gateway.routes.schemas import ClassificationItem, ClassificationList
from idc_gateway.uploads import uploads_of

router = APIRouter(tags=["classifications"])

UPLOAD_PATHS: Final = ("/api/v1/classifications", "/api/infer")
"""Where images are sent. These routes bound their bodies by themselves, after they know the caller."""

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
IMAGE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One encoded patch (PNG, JPEG, TIFF, BMP or WebP, 8-bit RGB), or a form with one or many.",
        "content": {
            **dict.fromkeys(("image/png", "image/jpeg", "image/tiff", "image/bmp", "image/webp"), _BINARY),
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {"images": {"type": "array", "minItems": 1, "items": _BINARY["schema"]}},
                }
            },
        },
    }
}


async def classify_request(request: Request, gateway: Gateway, caller: Caller, request_id: str) -> list[Classification]:
    """Classify what a request's body holds.

    Raises:
        GatewayError: See `Classifying.classify` and `uploads_of`.
        BodyTooLarge: The body is too long.
    """
    async with gateway.bodies.read(request.headers.get("content-length"), request.stream()) as body:
        uploads = await asyncio.to_thread(
            uploads_of,
            body,
            request.headers,
            max_images=gateway.settings.max_images,
            max_image_bytes=gateway.settings.max_image_bytes,
        )
        return await gateway.classifying.classify(uploads, caller.name, request_id)


@router.post("/classifications", status_code=201, openapi_extra=IMAGE_BODY)
async def classify_patches(
    request: Request, response: Response, gateway: GatewayDependency, caller: CurrentCaller, request_id: RequestId
) -> ClassificationList:
    """Classify one patch, sent as the body, or many, sent as parts `images` of a form.

    201 comes after results and messages to the alarms are stored for good. One image that cannot be read refuses the
    whole request.
    """
    results = await classify_request(request, gateway, caller, request_id)
    if len(results) == 1:
        response.headers["Location"] = f"/api/v1/classifications/{results[0].id}"
    return ClassificationList(items=[ClassificationItem.of(result) for result in results])


@router.get("/classifications")
async def list_classifications(
    gateway: GatewayDependency, limit: Annotated[int, Query(ge=1, le=1000, description="How many.")] = 50
) -> ClassificationList:
    """The latest results, newest first."""
    page = await asyncio.to_thread(gateway.store.results.page, ClassificationFilter(), limit, None)
    return ClassificationList(items=[ClassificationItem.of(result) for result in page.items])


@router.get("/classifications/{identity}")
async def get_classification(gateway: GatewayDependency, identity: UUID) -> ClassificationItem:
    """One result."""
    result = await asyncio.to_thread(gateway.store.results.get, identity)
    if result is None:
        raise NotFound(f"there is no classification {identity}")
    return ClassificationItem.of(result)
