"""New results as they are stored: server-sent events (WHATWG HTML, 9.2)."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from idc_gateway.access.scopes import Scope
from idc_gateway.results.feed import Feed
from idc_gateway.results.positions import Position, Slice
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, RequestId, ResultsDep, requires
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.routes.schemas import ClassificationItem

router = APIRouter(tags=["classifications"])

_MISSED: Final = json.dumps(
    {
        "detail": "results before this event may be missing: the id is not in this database's history, "
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
    results: ResultsDep,
    access: AccessDep,
    caller: CurrentCaller,
    request_id: RequestId,
    last_event_id: Annotated[str | None, Header(description="The last id received; `0` for all results.")] = None,
) -> StreamingResponse:
    """Stream each new result as an event `classification`.

    With `Last-Event-ID` no result is missed. Keep-alive comments have an id too. Where the id is not in this
    database's history (a backup was restored), an event `missed` says so, and the stream continues from there. It ends
    when the caller's key or session ends; an event `authority-ended` says so.
    """
    access.running.begin_stream(running_of(request))
    await access.views.record("results.followed", caller, "classifications", request_id)
    return await answer_from(results.feed, last_event_id)


async def answer_from(feed: Feed, last_event_id: str | None) -> StreamingResponse:
    """The stream after an event's id.

    Not the framework's `EventSourceResponse`: it starts with 200 before an error can become the answer's status.

    Raises:
        Busy: Too many clients follow the feed.
        StoreUnavailable: The database does not work.
    """
    slices = feed.follow(Position.parse(last_event_id) if last_event_id else None)
    first = await anext(slices)

    async def blocks() -> AsyncIterator[bytes]:
        async with aclosing(slices):
            yield b"".join(_events(first))
            async for following in slices:
                yield b"".join(_events(following))

    return StreamingResponse(blocks(), media_type="text/event-stream")


def _events(part: Slice) -> Iterator[bytes]:
    if not part.is_complete:
        yield format_sse_event(event="missed", id=str(part.start), data_str=_MISSED)
    elif not part.results:
        yield format_sse_event(comment="keep-alive", id=str(part.start))
    for position, result in part.results:
        data = ClassificationItem.of(result).model_dump_json()
        yield format_sse_event(event="classification", id=str(position), data_str=data)
