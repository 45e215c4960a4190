"""`idc watch`: new results as they are stored."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import click
import httpx
from rich.markup import escape

from idc_client import terminal
from idc_client.errors import Unavailable
from idc_client.gateway.connection import Connection
from idc_client.tool import Tool, pass_tool

SILENCE_S: Final = 60.0
"""The gateway says every few seconds that it is still there."""
LONGEST_WAIT_S: Final = 15.0
RESULT: Final = "classification"


class Event(NamedTuple):
    """One event of the stream."""

    id: str
    kind: str
    """`classification`, or something else that the gateway has to say."""
    data: str
    """Empty where the event only says how far the stream is."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many results.")
@pass_tool
def watch(tool: Tool, *, as_json: bool, count: int | None) -> None:
    """Show each new result until interrupted; after a lost connection none is left out."""
    console = terminal.screen()
    if not as_json:
        console.print(terminal.NOTICE)
    for number, result in enumerate(follow(tool.gateway), 1):
        if as_json:
            click.echo(json.dumps(result))
        else:
            console.print(
                f"{terminal.moment(result['created_at'])}  {result['probability']:.3f}  "
                f"{terminal.styled(result['decision'])}  {escape(terminal.printable(result['name']))}  "
                f"[dim]{result['id']}[/]",
                soft_wrap=True,
            )
        if number == count:
            return


def follow(gateway: Connection) -> Iterator[dict[str, Any]]:
    """Results from now on, across connections that break; what breaks is told on standard error.

    Raises:
        KeyRefused: The key is wrong.
        Unavailable: The first connection cannot be made.
    """
    last, wait_s, connections = "", 1.0, 0
    while True:
        try:
            with _stream(gateway, last) as answer:
                connections, wait_s = connections + 1, 1.0
                if connections > 1:
                    _remark(
                        "connected again" if last else "connected again; results of the time between may be missing"
                    )
                for event in events(answer.iter_lines()):
                    last = event.id or last
                    if event.kind == RESULT and event.data:
                        yield _document(event.data)
                    elif event.data:
                        _remark(_told(event))
            _remark("the gateway closed the connection; trying again")
        except Unavailable as exc:
            if not connections:
                raise
            _remark(f"{exc.format_message()}; trying again")
        gateway.pause(wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


def _stream(gateway: Connection, last: str) -> Any:
    headers = {"Last-Event-ID": last} if last else {}
    return gateway.stream("/events", tries=1, headers=headers, timeout=httpx.Timeout(10.0, read=SILENCE_S))


def _document(data: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(data)
    except ValueError as exc:
        raise Unavailable(f"an event cannot be read: {exc}") from exc
    return found


def _told(event: Event) -> str:
    """What an event says that is no result: that some were missed, for one."""
    try:
        detail = json.loads(event.data)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = event.data
    return f"{event.kind}: {detail}"


def _remark(text: str) -> None:
    terminal.remarks().print(f"idc: {escape(terminal.printable(text))}", soft_wrap=True)


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events in a stream's lines (WHATWG HTML, 9.2.6); a last one that was cut off is dropped.

    An id without data is an event here too: it says from where to resume.
    """
    identity, kind, is_new_id = "", "", False
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data or is_new_id:
                yield Event(identity, kind or "message", "\n".join(data))
            kind, is_new_id = "", False
            data = []
        elif name == "id":
            identity, is_new_id = value, True
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)
