"""`idc watch`: new results as they are stored."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import click
import httpx
from rich.markup import escape

from idc_client import output
from idc_client.connection import Connection
from idc_client.errors import Unavailable
from idc_client.tool import Tool, pass_tool

SILENCE_S: Final = 60.0
"""The gateway says every few seconds that it is still there."""
LONGEST_WAIT_S: Final = 15.0


MISSED: Final = "missed"
"""The event by which the gateway says that the stream cannot go on where it was."""


class Event(NamedTuple):
    """One event of the stream."""

    id: str
    data: dict[str, Any]


class Block(NamedTuple):
    """What stands between two empty lines of the stream; one without data brings an id alone."""

    name: str
    id: str
    data: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many results.")
@pass_tool
def watch(tool: Tool, *, as_json: bool, count: int | None) -> None:
    """Show each new result, for ever; after a lost connection none is left out."""
    console = output.screen()
    if not as_json:
        console.print(output.NOTICE)
    for number, event in enumerate(follow(tool.gateway), 1):
        if as_json:
            click.echo(json.dumps(event.data))
        else:
            result = event.data
            console.print(
                f"{output.moment(result['created_at'])}  {result['probability']:.3f}  "
                f"{output.styled(result['decision'])}  {escape(result['name'])}  [dim]{result['id']}[/]"
            )
        if number == count:
            return


def follow(gateway: Connection) -> Iterator[Event]:
    """Events from now on, across connections that break.

    Raises:
        KeyRefused: The key is wrong.
        Unavailable: The first connection cannot be made.
    """
    headers: dict[str, str] = {}
    wait_s, was_connected = 1.0, False
    while True:
        try:
            with gateway.stream("/events", headers=headers, timeout=httpx.Timeout(10.0, read=SILENCE_S)) as answer:
                was_connected, wait_s = True, 1.0
                for block in blocks(answer.iter_lines()):
                    if block.id:
                        headers = {"Last-Event-ID": block.id}
                    if block.name == MISSED:
                        output.remarks().print(f"idc: {escape(json.loads(block.data)['detail'])}")
                    elif block.data:
                        yield Event(block.id, json.loads(block.data))
        except Unavailable as exc:
            if not was_connected:
                raise
            output.remarks().print(f"idc: {escape(exc.format_message())}; trying again")
        gateway.pause(wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The results in a stream's lines."""
    for block in blocks(lines):
        if block.data and block.name != MISSED:
            yield Event(block.id, json.loads(block.data))


def blocks(lines: Iterable[str]) -> Iterator[Block]:
    """The blocks in a stream's lines (WHATWG HTML, 9.2.6); a last one that was cut off is dropped."""
    identity = name = ""
    data: list[str] = []
    for line in lines:
        if not line:
            yield Block(name, identity, "\n".join(data))
            name, data = "", []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                identity = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
