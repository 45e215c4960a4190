"""What an open page follows: server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from idc_gateway.access.scopes import Scope
from idc_gateway.live.changes import Change
from idc_gateway.web.dependencies import AccessDep, CurrentCaller, GatewayDependency, RequestId, requires
from idc_gateway.web.lasting_authority import running_of

router = APIRouter(tags=["live"])


@router.get(
    "/live",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    dependencies=[Depends(requires(Scope.READ))],
)
async def follow_changes(
    request: Request, gateway: GatewayDependency, access: AccessDep, caller: CurrentCaller, request_id: RequestId
) -> StreamingResponse:
    """Stream what changes in what a page shows, as server-sent events.

    `alarms` is as `GET /alarms`, at once and after each report; `slide` and `folder` are whole records;
    `slide-removed` and `folder-removed` have an id; `reload` says to ask for the lists again; `alive` comes where
    nothing else does. It has states and no history: after a reconnect ask for the lists again. Each
    result: `GET /events`. It ends when the caller's key or session ends; an event `authority-ended` says so.
    """
    access.running.begin_stream(running_of(request))
    await access.views.record("work-list.followed", caller, "work-list", request_id)
    changes = gateway.live.follow()
    first = await anext(changes)
    return StreamingResponse(_blocks(first, changes), media_type="text/event-stream")


async def _blocks(first: list[Change], following: AsyncGenerator[list[Change], None]) -> AsyncIterator[bytes]:
    async with aclosing(following):
        yield _events(first)
        async for changes in following:
            yield _events(changes)


def _events(changes: list[Change]) -> bytes:
    if not changes:
        return format_sse_event(event="alive", data_str="{}")
    return b"".join(format_sse_event(event=change.kind, data_str=change.document) for change in changes)
