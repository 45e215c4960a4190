"""`idc alarm`: what the alarms show, and what a person tells them."""

import getpass
from typing import Any
from uuid import uuid4

import click
from rich.markup import escape

from idc_client import output
from idc_client.connection import segment
from idc_client.errors import InputRefused
from idc_client.tool import Tool, pass_tool


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


by = click.option("--by", default=_login_name, show_default="your login name", help="Who asks for it.")
device = click.argument("device", required=False)


@click.group()
def alarm() -> None:
    """See alarms, acknowledge a finding, silence the buzzer, run the self-test."""


@alarm.command("list")
@pass_tool
def list_alarms(tool: Tool) -> None:
    """Show the state of each alarm."""
    answer = tool.gateway.get("/alarms")
    console = output.screen()
    if not answer["broker_connected"]:
        console.print("The gateway has no connection to the broker: this may be old.")
    headings = ["alarm", "there", "state", "lamps", "buzzer", "latched since", "silenced until", "trouble"]
    console.print(output.table(headings, [_row(item) for item in answer["items"]]))


def _row(item: dict[str, Any]) -> list[str]:
    lamps = item["lamps"] or {}
    lit = [name for name in ("red", "amber", "blue") if lamps.get(name)]
    return [
        escape(item["device"]),
        "online" if item["online"] else "[bold red]offline[/]",
        item["state"] or "unknown",
        " ".join(lit) or "dark",
        "on" if item["buzzer"] else "off",
        output.moment(item["latched_since"]),
        output.moment(item["silenced_until"]),
        ", ".join(item["technical"]),
    ]


@alarm.command()
@device
@by
@pass_tool
def ack(tool: Tool, *, device: str | None, by: str) -> None:
    """Acknowledge the finding of DEVICE; of the only alarm, where there is one."""
    _tell(tool, device, "acknowledgements", {"by": by})


@alarm.command()
@device
@click.option("--for-s", "duration_s", type=click.IntRange(1), default=120, help="How long, in seconds.")
@by
@pass_tool
def silence(tool: Tool, *, device: str | None, duration_s: int, by: str) -> None:
    """Silence the buzzer of DEVICE for a while; a new finding ends it."""
    _tell(tool, device, "silences", {"by": by, "duration_s": duration_s})


@alarm.command()
@device
@by
@pass_tool
def test(tool: Tool, *, device: str | None, by: str) -> None:
    """Let DEVICE show each lamp and sound its buzzer."""
    _tell(tool, device, "tests", {"by": by})


def _tell(tool: Tool, device: str | None, what: str, document: dict[str, Any]) -> None:
    device = device or _only_alarm(tool)
    tool.gateway.post(f"/alarms/{segment(device)}/{what}", document, idempotency_key=uuid4().hex)
    output.screen().print(f"{escape(device)} was told; `idc alarm list` shows what it does")


def _only_alarm(tool: Tool) -> str:
    names = [str(item["device"]) for item in tool.gateway.get("/alarms")["items"]]
    if len(names) != 1:
        raise InputRefused(f"there are {len(names)} alarms ({', '.join(names) or 'none'}): name one")
    return names[0]
