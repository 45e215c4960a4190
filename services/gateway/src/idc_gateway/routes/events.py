"""New results as they are stored: server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from idc_gateway.classifications import Classification
from idc_gateway.dependencies import CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.lasting_authority import running_of
from idc_gateway.routes.schemas import ClassificationItem
from idc_gateway.scopes import Scope

router = APIRouter(tags=["classifications"])

_LARGEST: Final = 2**31 - 1
_KEEP_ALIVE: Final = ": still here\n\n"


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    dependencies=[Depends(requires(Scope.READ))],
)
async def follow_classifications(
    request: Request,
    gateway: GatewayDependency,
    caller: CurrentCaller,
    request_id: RequestId,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=_LARGEST, description="The id of the last event that is known.")
    ] = None,
) -> StreamingResponse:
    """Each new result as an event `classification`. With `Last-Event-ID` none is left out.

    The stream ends with the key or session that it was asked for with; an event `authority-ended` says so.
    """
    gateway.running.begin_stream(running_of(request))
    await gateway.accesses.record("results.followed", caller, "classifications", request_id)
    batches = gateway.feed.follow(last_event_id)
    first = await anext(batches)  # what refuses the request does so before the answer begins

    async def lines() -> AsyncIterator[str]:
        async with aclosing(batches):
            yield _text(first)
            async for batch in batches:
                yield _text(batch)

    return StreamingResponse(lines(), media_type="text/event-stream")


def _text(batch: list[tuple[int, Classification]]) -> str:
    if not batch:
        return _KEEP_ALIVE
    return "".join(
        f"event: classification\nid: {sequence}\ndata: {ClassificationItem.of(result).model_dump_json()}\n\n"
        for sequence, result in batch
    )
