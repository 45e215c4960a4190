"""Classify patches."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from idc_gateway import executors
from idc_gateway.access.accounts import Caller
from idc_gateway.access.scopes import Scope
from idc_gateway.classifying.batches import outcomes_in_order
from idc_gateway.classifying.outcomes import Outcome
from idc_gateway.classifying.series import ClassifyJob, Series
from idc_gateway.classifying.uploads import MAX_IMAGES, Upload, UploadPart
from idc_gateway.errors import BadInput, EmptyBody, GatewayError, NotFound
from idc_gateway.idempotency.receipts import Claim, fingerprint_of
from idc_gateway.results.classifications import PatchOrigin
from idc_gateway.web.dependencies import CurrentCaller, GatewayDependency, requires
from idc_gateway.web.problems import problem, problem_of
from idc_gateway.web.rooms import Gateway
from idc_gateway.web.routes.intake import form_parts, image_body, is_form, one_upload
from idc_gateway.web.routes.ndjson import MEDIA_TYPE, NdjsonResponse
from idc_gateway.web.routes.parameters import IdempotencyKey, UploadQuery
from idc_gateway.web.routes.schemas import Batch, BatchItem, ClassificationItem, ClassificationList
from idc_servicekit.body_budget import BodiesExhausted, BodyTooLarge, BodyTooSlow

router = APIRouter(tags=["classifications"])

UPLOAD_PATHS: Final = ("/api/v1/classifications", "/api/infer", "/api/IDC/infer")
"""Where images are sent. These routes bound their bodies by themselves, after they know the caller."""

_FORWARDED: Final = "x-forwarded-for"
"""A header of every proxy; who sends it without one gets the same lines, later."""
_READ_ERRORS: Final = (GatewayError, BodyTooLarge, BodyTooSlow, BodiesExhausted)
_FOLLOWING: Final = (
    "get_classification",
    "get_image",
    "review_classification",
    "list_reviews",
    "delete_classification",
)
"""What can be done with a new result, by the operations' ids."""
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "model": ClassificationList | Batch,
        "description": "Stored: the result, or the outcome of each image",
        "links": {
            operation: {"operationId": operation, "parameters": {"result_id": "$response.body#/items/0/id"}}
            for operation in _FOLLOWING
        },
    },
    200: {
        "description": f"With `Accept: {MEDIA_TYPE}`: a BatchItem per line as it is known; the last has the counts",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
}


class _JobMaker:
    """Makes the job of each part of a request."""

    def __init__(self, caller: Caller, request_id: str, idempotency_key: str | None, query: UploadQuery) -> None:
        """Take the request's parameters.

        Raises:
            BadInput: It has a series and an Idempotency-Key.
        """
        if query.once is not None and idempotency_key is not None:
            raise BadInput("`once` and an Idempotency-Key exclude each other: omit one")
        self._caller = caller.name
        self._request_id = request_id
        self._key = idempotency_key
        shows_reviews = Scope.READ in caller.scopes
        self._series = None if query.once is None else Series(query.once, query.origin, shows_reviews=shows_reviews)

    def for_part(self, number: int, uploads: list[Upload]) -> ClassifyJob:
        if self._key is None:
            return ClassifyJob(self._caller, self._request_id, series=self._series)
        pieces = (piece for upload in uploads for piece in _identity(upload))
        fingerprint = fingerprint_of([b"classifications", *pieces])
        return ClassifyJob(self._caller, self._request_id, Claim(self._caller, self._key, number, fingerprint))


@router.post(
    "/classifications",
    status_code=201,
    response_model=None,
    openapi_extra=image_body(MAX_IMAGES),
    responses=_ANSWERS,
    dependencies=[Depends(requires(Scope.CLASSIFY))],
)
async def classify_patches(
    request: Request,
    gateway: GatewayDependency,
    caller: CurrentCaller,
    query: Annotated[UploadQuery, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Classify one patch, sent as the body, or up to 10,000, sent as parts `images` of a form.

    201 is sent after results and messages to the alarms are stored durably. In a form each image has its own result or
    error; if no image could be classified, the answer is the first image's problem.
    """
    if query.folder is not None and not await executors.reads(gateway.store.folders.exists, query.folder):
        raise NotFound(f"there is no folder {query.folder}: make it with PUT /api/v1/folders/{query.folder}")
    job = _JobMaker(caller, request.state.request_id, idempotency_key, query)
    origin = query.origin
    with ExitStack() as stack:
        stack.enter_context(gateway.classifying.admitted())
        if not is_form(request):
            async with one_upload(request, gateway, origin, query.name) as upload:
                return await _classify_one(gateway, upload, job)
        lease = stack.enter_context(gateway.bodies.lease())

        async def classify(part: UploadPart) -> list[Outcome]:
            outcomes = await gateway.classifying.classify_many(
                part.uploads, part.first_index, job.for_part(part.number, part.uploads)
            )
            lease.give_back(part.held_bytes)
            await gateway.results.feed.notify()
            return outcomes

        is_read = asyncio.Event()
        parts = _noted(form_parts(request, gateway, origin, lease), is_read)
        batches = outcomes_in_order(parts, classify)
        if MEDIA_TYPE in request.headers.get("accept", ""):
            # Proxies written in Go (Caddy, Traefik) drop the rest of an HTTP/1 request when its answer begins.
            may_begin = is_read.is_set if _FORWARDED in request.headers else lambda: True
            return NdjsonResponse(_lines(request, batches), stack.pop_all(), may_begin=may_begin)
        return await _whole_batch(request, batches)


async def _noted(parts: AsyncIterator[UploadPart], is_read: asyncio.Event) -> AsyncIterator[UploadPart]:
    """The parts; the event is set when no more of the body will be read."""
    try:
        async for part in parts:
            yield part
    finally:
        is_read.set()


async def _classify_one(gateway: Gateway, upload: Upload, job: _JobMaker) -> Response:
    result = await gateway.classifying.classify_one(upload, job.for_part(0, [upload]))
    await gateway.results.feed.notify()
    answer = ClassificationList(items=[ClassificationItem.of(result)])
    headers = {"Location": f"/api/v1/classifications/{result.id}"}
    return Response(answer.model_dump_json(), 201, headers, media_type="application/json")


async def _whole_batch(request: Request, batches: AsyncGenerator[list[Outcome], None]) -> Response:
    outcomes: list[Outcome] = []
    try:
        async with aclosing(batches):
            async for batch in batches:
                outcomes += batch
    except _READ_ERRORS as exc:
        if not any(outcome.classification for outcome in outcomes):
            raise
        # Results that were stored before the form broke are reported: they will not be undone.
        return problem_of(request, exc, **_counted(outcomes).model_dump(mode="json"))
    batch_answer = _counted(outcomes)
    if batch_answer.accepted:
        return Response(batch_answer.model_dump_json(), 201, media_type="application/json")
    return _refused(request, outcomes, batch_answer)


def _refused(request: Request, outcomes: list[Outcome], answer: Batch) -> JSONResponse:
    failure = outcomes[0].failure
    if failure is None:
        raise EmptyBody("the results that this Idempotency-Key made were deleted: use another key")
    headers = {"Retry-After": "2"} if failure.status == 503 else None
    return problem(
        request, failure.status_code, failure.kind, failure.detail, headers, **answer.model_dump(mode="json")
    )


def _counted(outcomes: list[Outcome]) -> Batch:
    accepted = sum(outcome.classification is not None for outcome in outcomes)
    return Batch(
        items=[BatchItem.of(outcome) for outcome in outcomes], accepted=accepted, refused=len(outcomes) - accepted
    )


async def _lines(request: Request, batches: AsyncGenerator[list[Outcome], None]) -> AsyncGenerator[bytes, None]:
    accepted = refused = 0
    end: dict[str, Any] = {}
    try:
        async with aclosing(batches):
            async for batch in batches:
                done = sum(outcome.classification is not None for outcome in batch)
                accepted, refused = accepted + done, refused + len(batch) - done
                yield b"".join(BatchItem.of(outcome).model_dump_json().encode() + b"\n" for outcome in batch)
    except _READ_ERRORS as exc:
        end = {"error": json.loads(bytes(problem_of(request, exc).body))}
    yield json.dumps({"accepted": accepted, "refused": refused, **end}).encode() + b"\n"


def _identity(upload: Upload) -> tuple[bytes, ...]:
    origin: PatchOrigin = upload.origin
    # What is not given adds nothing: a key that an older version took must be known again after an upgrade.
    extent = () if origin.w is origin.h is None else (origin.w, origin.h)
    scale = () if origin.um_per_px is None else ("um_per_px", origin.um_per_px)
    folder = () if origin.folder is None else ("folder", str(origin.folder))
    # An image that is too large is not kept; its size tells it apart.
    dropped = ("dropped", upload.dropped_bytes) if upload.dropped_bytes else ()
    labels = (origin.patient, origin.slide, origin.x, origin.y, *extent, *scale, *folder, *dropped)
    return upload.name.encode(), repr(labels).encode(), upload.data
