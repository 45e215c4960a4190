"""Waits until slides are screened, or cannot be."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from idc_client.gateway.connection import Connection, path_segment

LOOK_EVERY_S: Final = 2.0
GOES_ON: Final = ("waiting", "running")
"""States in which the gateway goes on by itself, in the order in which a slide has them."""
AT_ONCE: Final = 200


def wait_for(gateway: Connection, slide: str, on_change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The record of a slide once nothing more happens by itself; `on_change` gets each one before."""
    while True:
        record = gateway.get(f"/slides/{path_segment(slide)}")
        on_change(record)
        if record["state"] not in GOES_ON:
            return record
        gateway.pause(LOOK_EVERY_S)


def wait_for_all(gateway: Connection, slides: Iterable[str], on_change: Callable[[int], None]) -> list[dict[str, Any]]:
    """The records of many slides at their end, by few requests; `on_change` gets how many are there."""
    wanted = set(slides)
    while True:
        going = {record["id"] for state in GOES_ON for record in records(gateway, state=state)} & wanted
        on_change(len(wanted) - len(going))
        if not going:
            ends = [record for record in records(gateway) if record["id"] in wanted]
            if not any(record["state"] in GOES_ON for record in ends):  # one may have moved between the lists
                return ends
        gateway.pause(LOOK_EVERY_S)


def records(gateway: Connection, *, limit: int | None = None, **filters: str | None) -> Iterable[dict[str, Any]]:
    """Slides, newest first, page by page; at most `limit`."""
    cursor: str | None = None
    count = 0
    while True:
        wanted = AT_ONCE if limit is None else min(AT_ONCE, limit - count)
        page = gateway.get("/slides", limit=wanted, cursor=cursor, **filters)
        yield from page["items"]
        count += len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None or (limit is not None and count >= limit):
            return
