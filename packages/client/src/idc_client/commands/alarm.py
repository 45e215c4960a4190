"""`idc alarm`: what the alarms show, and what a person tells them."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.errors import ClientError, InputRefused
from idc_client.gateway.connection import segment
from idc_client.tool import Tool, pass_tool

Alarm = dict[str, Any]
"""One alarm, as the gateway lists it."""

note = click.option("--note", help="Free text, kept in the audit chain. Who did it is known by the key.")
device = click.argument("device", required=False)


@click.group()
def alarm() -> None:
    """See alarms, acknowledge findings, silence the buzzer, run the self-test."""


@alarm.command("list")
@pass_tool
def list_alarms(tool: Tool) -> None:
    """Show the state of each alarm."""
    items = _alarms(tool)
    headings = ["alarm", "there", "state", "findings", "lamps", "buzzer", "latched since", "silenced until", "trouble"]
    terminal.screen().print(terminal.table(headings, [_row(item) for item in items]))
    if not items:
        click.echo("idc: no alarm has reported yet: nobody hears a finding", err=True)


def _alarms(tool: Tool) -> list[Alarm]:
    answer = tool.gateway.get("/alarms")
    if not answer["broker_connected"]:
        click.echo("idc: the gateway has no connection to the broker: what it says of alarms may be old", err=True)
    items: list[Alarm] = answer["items"]
    return items


def _row(item: Alarm) -> list[str]:
    lamps, buzzer, findings = item["lamps"], item["buzzer"], item.get("findings")
    lit = None if lamps is None else " ".join(name for name in ("red", "amber", "blue") if lamps.get(name)) or "dark"
    sound = None if buzzer is None else "on" if buzzer else "off"
    return [
        escape(item["device"]),
        "online" if item["online"] else "[bold red]offline[/]",
        item["state"] or "unknown",
        "" if findings is None else str(findings),
        _now(lit, is_there=item["online"]),
        _now(sound, is_there=item["online"]),
        terminal.moment(item["latched_since"]),
        terminal.moment(item["silenced_until"]),
        ", ".join(item["technical"]),
    ]


def _now(last: str | None, *, is_there: bool) -> str:
    """What an output shows now; of an alarm that is off only what it showed last is known."""
    if last is None:
        return "unknown"
    return last if is_there else f"unknown, last {last}"


@alarm.command()
@device
@click.option("--all", "is_all", is_flag=True, help="Every alarm at which a finding waits.")
@note
@pass_tool
def ack(tool: Tool, *, device: str | None, is_all: bool, note: str | None) -> None:
    """Acknowledge the findings that wait at DEVICE, up to the newest one that is shown here, and no later one.

    Without DEVICE: at the only alarm that waits; an alarm that is offline does not count beside one that is there.
    """
    if device and is_all:
        raise click.UsageError("name one alarm, or give --all")
    alarms = _alarms(tool)
    if device:
        # One that the list lacks is for the gateway to judge: its answer says what is wrong with the name.
        chosen = [item for item in alarms if item["device"] == device] or [{"device": device}]
    else:
        waiting = [item for item in alarms if _waits(item)]
        chosen = waiting if is_all else _only_one(waiting, "findings wait at {}: name one, or give --all")
    if not chosen:
        terminal.screen().print("no alarm has a finding that waits")
        return
    for item in chosen:
        _acknowledge(tool, item, note)
    if rest := [item["device"] for item in alarms if _waits(item) and item not in chosen]:
        click.echo(f"idc: findings still wait at {', '.join(rest)}", err=True)


def _acknowledge(tool: Tool, item: Alarm, note: str | None) -> None:
    click.echo(f"{terminal.printable(item['device'])}: {_findings(tool, item)}")
    _tell(tool, item["device"], "acknowledgements", {"up_to": item.get("latest_finding"), "note": note})


def _findings(tool: Tool, item: Alarm) -> str:
    """What is about to be acknowledged, for a person to see."""
    count, newest = item.get("findings"), item.get("latest_finding")
    if newest is None:
        return "what waits there"
    try:
        found = tool.gateway.get(f"/classifications/{segment(newest)}")
        told = f"{newest} ({found['name'] or 'without a name'}, P(IDC) {found['probability']:.3f})"
    except ClientError:
        # Deleted since, or findings of which the alarm has lost the memory.
        told = str(newest)
    since = terminal.moment(item.get("latched_since"))
    findings = "1 finding" if count == 1 else f"{count or 'all'} findings"
    return terminal.printable(f"{findings}{f', since {since}' if since else ''}; the newest is {told}")


def _waits(item: Alarm) -> bool:
    """Whether a finding waits there; of an alarm that does not say it is assumed."""
    if item.get("findings") is not None:
        return bool(item["findings"]) or item.get("latest_finding") is not None
    return "latched_since" not in item or item["latched_since"] is not None


def _only_one(alarms: Sequence[Alarm], question: str) -> list[Alarm]:
    """The only alarm, or the only one that is there; none where there is none.

    Raises:
        InputRefused: There are several: a person has to choose.
    """
    there = [item for item in alarms if item.get("online")] or alarms
    if len(there) > 1:
        names = ", ".join(f"{item['device']}{'' if item.get('online') else ' (offline)'}" for item in alarms)
        raise InputRefused(question.format(names))
    return list(there)


@alarm.command()
@device
@click.option("--for-s", "duration_s", type=click.IntRange(1), default=120, help="How long, in seconds.")
@note
@pass_tool
def silence(tool: Tool, *, device: str | None, duration_s: int, note: str | None) -> None:
    """Silence the buzzer of DEVICE for a while; what is new sounds all the same."""
    _tell(tool, device or _only_name(tool), "silences", {"duration_s": duration_s, "note": note})


@alarm.command()
@device
@note
@pass_tool
def test(tool: Tool, *, device: str | None, note: str | None) -> None:
    """Let DEVICE show each lamp and sound its buzzer."""
    _tell(tool, device or _only_name(tool), "tests", {"note": note})


@alarm.command()
@click.argument("device")
@pass_tool
def forget(tool: Tool, *, device: str) -> None:
    """Forget an alarm that is gone or has another name now; needs a key with the scope `admin`."""
    tool.gateway.delete(f"/alarms/{segment(device)}")
    click.echo(f"{terminal.printable(device)} is forgotten; if it is there, it returns with its next report")


def _only_name(tool: Tool) -> str:
    alarms = _alarms(tool)
    chosen = _only_one(alarms, "there are several alarms ({}): name one")
    if not chosen:
        raise InputRefused("there are 0 alarms: none has reported to this gateway yet")
    return str(chosen[0]["device"])


def _tell(tool: Tool, device: str, what: str, document: dict[str, Any]) -> None:
    given = {name: value for name, value in document.items() if value is not None}
    tool.gateway.post(f"/alarms/{segment(device)}/{what}", given, idempotency_key=uuid4().hex)
    click.echo(f"{terminal.printable(device)} was told; `idc alarm list` shows what it does")
