"""New results as they are stored: server-sent events (WHATWG HTML, 9.2)."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from idc_gateway.access.scopes import Scope
from idc_gateway.results.positions import Look, Position
from idc_gateway.web.dependencies import CurrentCaller, Gateway, GatewayDependency, RequestId, requires
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.routes.schemas import ClassificationItem

router = APIRouter(tags=["classifications"])

_MISSED: Final = json.dumps(
    {
        "detail": "results may be missing before this event: the id that was sent is not in this database's history, "
        "perhaps because a backup was restored; read GET /api/v1/classifications"
    }
)


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
    last_event_id: Annotated[str | None, Header(description="The id that came last; `0` is the very start.")] = None,
) -> StreamingResponse:
    """Each new result as an event `classification`, without an end.

    With `Last-Event-ID` none is left out. Signs of life have an id, too. Where the id is not in this database's
    history (a backup was restored), an event `missed` says so, and the stream goes on from there. It ends with the
    key or session that it was asked for with; an event `authority-ended` says so.
    """
    gateway.running.begin_stream(running_of(request))
    await gateway.accesses.record("results.followed", caller, "classifications", request_id)
    return await answer_from(gateway, last_event_id)


async def answer_from(gateway: Gateway, last_event_id: str | None) -> StreamingResponse:
    """The stream behind an event's id.

    Raises:
        Busy: Too many watch already.
        StoreUnavailable: The database does not work.
    """
    batches = gateway.feed.follow(Position.parse(last_event_id) if last_event_id else None)
    first = await anext(batches)  # what refuses the request does so before the answer begins

    async def lines() -> AsyncIterator[str]:
        async with aclosing(batches):
            yield _text(first)
            async for batch in batches:
                yield _text(batch)

    return StreamingResponse(lines(), media_type="text/event-stream")


def _text(look: Look) -> str:
    start = ""
    if not look.is_complete:
        start = f"event: missed\nid: {look.start}\ndata: {_MISSED}\n\n"
    elif not look.results:
        start = f": still here\nid: {look.start}\n\n"
    return start + "".join(
        f"event: classification\nid: {position}\ndata: {ClassificationItem.of(result).model_dump_json()}\n\n"
        for position, result in look.results
    )
