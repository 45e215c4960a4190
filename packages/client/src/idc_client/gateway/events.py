"""The gateway's stream of new results, across broken connections."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import httpx
from httpx_sse import EventSource, ServerSentEvent

from idc_client.errors import Unavailable
from idc_client.gateway.connection import Connection

SILENCE_S: Final = 60.0
"""Longest silence of a live stream: the gateway sends a sign of life every few seconds."""
MAX_PAUSE_S: Final = 15.0


def results(gateway: Connection, remark: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """New classifications from now on; after a broken connection it resumes with the first missed one.

    Args:
        gateway: Where they are stored.
        remark: Called with a line for each lost or restored connection, and for each other event.

    Raises:
        KeyRejected: The key is not valid, or expires.
        Unavailable: The first connection fails.
    """
    last_id, pause_s, connections = "", 1.0, 0
    while True:
        try:
            with _stream(gateway, last_id) as answer:
                connections, pause_s = connections + 1, 1.0
                if connections > 1:
                    remark("reconnected" if last_id else "reconnected; results may have been missed")
                for event in EventSource(answer).iter_sse():
                    last_id = event.id or last_id
                    if event.event == "classification":
                        yield _classification(event)
                    elif event.data:
                        remark(f"{event.event}: {_detail(event)}")
            remark("the gateway closed the connection; trying again")
        except Unavailable as exc:
            if not connections:
                raise
            remark(f"{exc.format_message()}; trying again")
        gateway.pause(pause_s)
        pause_s = min(pause_s * 2, MAX_PAUSE_S)


def _stream(gateway: Connection, last_id: str) -> AbstractContextManager[httpx.Response]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    return gateway.stream("/events", tries=1, headers=headers, timeout=httpx.Timeout(10.0, read=SILENCE_S))


def _classification(event: ServerSentEvent) -> dict[str, Any]:
    try:
        classification: dict[str, Any] = event.json()
    except ValueError as exc:
        raise Unavailable(f"an event cannot be read: {exc}") from exc
    return classification


def _detail(event: ServerSentEvent) -> str:
    try:
        return str(json.loads(event.data)["detail"])
    except (ValueError, KeyError, TypeError):
        return event.data
