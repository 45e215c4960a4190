"""`idc alarm`: the state of the alarms, and commands to them."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import click
from rich.markup import escape

from idc_client import terminal
from idc_client.commands import pass_gateway
from idc_client.errors import ClientError, InputRejected
from idc_client.gateway.connection import Connection, path_segment

Alarm = dict[str, Any]
"""One alarm, as the gateway lists it."""

note = click.option("--note", help="Free text for the audit chain, which also names the key.")
device = click.argument("device", required=False)


@click.group()
def alarm() -> None:
    """See alarms, acknowledge findings, silence the buzzer, run the self-test."""


@alarm.command("list")
@pass_gateway
def list_alarms(gateway: Connection) -> None:
    """Show the state of each alarm."""
    alarms = _alarms(gateway)
    headings = ["alarm", "link", "state", "findings", "lamps", "buzzer", "latched since", "silenced until", "trouble"]
    terminal.screen().print(terminal.table(headings, [_row(alarm) for alarm in alarms]))
    if not alarms:
        terminal.remark("no alarm has reported yet: a finding would go unnoticed")


def _alarms(gateway: Connection) -> list[Alarm]:
    answer = gateway.get("/alarms")
    if not answer["broker_connected"]:
        terminal.remark("the gateway is not connected to the broker: the state of the alarms may be outdated")
    alarms: list[Alarm] = answer["items"]
    return alarms


def _row(alarm: Alarm) -> list[str]:
    lamps, buzzer, findings = alarm["lamps"], alarm["buzzer"], alarm.get("findings")
    lit = None if lamps is None else " ".join(name for name in ("red", "amber", "blue") if lamps.get(name)) or "dark"
    sound = None if buzzer is None else "on" if buzzer else "off"
    return [
        escape(alarm["device"]),
        "online" if alarm["online"] else "[bold red]offline[/]",
        alarm["state"] or "unknown",
        "" if findings is None else str(findings),
        _current(lit, is_online=alarm["online"]),
        _current(sound, is_online=alarm["online"]),
        terminal.local_time(alarm["latched_since"]),
        terminal.local_time(alarm["silenced_until"]),
        ", ".join(alarm["technical"]),
    ]


def _current(last: str | None, *, is_online: bool) -> str:
    """What an output does now; of an offline alarm, only its last report is known."""
    if last is None:
        return "unknown"
    return last if is_online else f"unknown, last {last}"


@alarm.command()
@device
@click.option("--all", "is_all", is_flag=True, help="All alarms with unacknowledged findings.")
@note
@pass_gateway
def ack(gateway: Connection, *, device: str | None, is_all: bool, note: str | None) -> None:
    """Acknowledge the findings at DEVICE, up to the newest one shown here.

    DEVICE may be omitted if findings wait at one alarm only; offline alarms count only if no alarm with findings is
    online.
    """
    if device and is_all:
        raise click.UsageError("name one alarm, or use --all")
    alarms = _alarms(gateway)
    if device:
        # The gateway knows best what is wrong with a name that is not in the list.
        chosen = [alarm for alarm in alarms if alarm["device"] == device] or [{"device": device}]
    else:
        waiting = [alarm for alarm in alarms if _has_findings(alarm)]
        chosen = waiting if is_all else _only_one(waiting, "findings wait at {}: name one, or use --all")
    if not chosen:
        terminal.screen().print("no findings wait at any alarm")
        return
    for alarm in chosen:
        click.echo(f"{terminal.printable(alarm['device'])}: {_findings(gateway, alarm)}")
        _send(gateway, alarm["device"], "acknowledgements", {"up_to": alarm.get("latest_finding"), "note": note})
    if rest := [alarm["device"] for alarm in alarms if _has_findings(alarm) and alarm not in chosen]:
        terminal.remark(f"findings still wait at {', '.join(rest)}")


def _findings(gateway: Connection, alarm: Alarm) -> str:
    """The findings to be acknowledged, in words."""
    count, newest = alarm.get("findings"), alarm.get("latest_finding")
    if newest is None:
        return "all its findings"
    try:
        result = gateway.get(f"/classifications/{path_segment(newest)}")
        described = f"{newest} ({result['name'] or 'without a name'}, P(IDC) {result['probability']:.3f})"
    except ClientError:
        # It was deleted since, or the alarm has lost its memory.
        described = str(newest)
    since = terminal.local_time(alarm.get("latched_since"))
    findings = "1 finding" if count == 1 else f"{count or 'all'} findings"
    return terminal.printable(f"{findings}{f', since {since}' if since else ''}; the newest is {described}")


def _has_findings(alarm: Alarm) -> bool:
    """Whether findings wait there; assumed of an alarm that does not report it."""
    if alarm.get("findings") is not None:
        return bool(alarm["findings"]) or alarm.get("latest_finding") is not None
    return "latched_since" not in alarm or alarm["latched_since"] is not None


def _only_one(alarms: Sequence[Alarm], question: str) -> list[Alarm]:
    """The only alarm, or the only one online; an empty list for none.

    Raises:
        InputRejected: There are several: a person has to choose.
    """
    online = [alarm for alarm in alarms if alarm.get("online")] or alarms
    if len(online) > 1:
        names = ", ".join(f"{alarm['device']}{'' if alarm.get('online') else ' (offline)'}" for alarm in alarms)
        raise InputRejected(question.format(names))
    return list(online)


@alarm.command()
@device
@click.option("--for-s", "duration_s", type=click.IntRange(1), default=120, help="How long, in seconds.")
@note
@pass_gateway
def silence(gateway: Connection, *, device: str | None, duration_s: int, note: str | None) -> None:
    """Silence the buzzer of DEVICE for some time; a new finding still sounds it."""
    _send(gateway, device or _only_name(gateway), "silences", {"duration_s": duration_s, "note": note})


@alarm.command()
@device
@note
@pass_gateway
def test(gateway: Connection, *, device: str | None, note: str | None) -> None:
    """Light each lamp of DEVICE and sound its buzzer."""
    _send(gateway, device or _only_name(gateway), "tests", {"note": note})


@alarm.command()
@click.argument("device")
@pass_gateway
def forget(gateway: Connection, *, device: str) -> None:
    """Remove an alarm that is gone or was renamed; needs a key with the scope `admin`."""
    gateway.delete(f"/alarms/{path_segment(device)}")
    click.echo(f"{terminal.printable(device)} is removed; if it still runs, its next report brings it back")


def _only_name(gateway: Connection) -> str:
    alarms = _only_one(_alarms(gateway), "there are several alarms ({}): name one")
    if not alarms:
        raise InputRejected("no alarm has reported to this gateway yet")
    return str(alarms[0]["device"])


def _send(gateway: Connection, device: str, command: str, document: dict[str, Any]) -> None:
    members = {name: value for name, value in document.items() if value is not None}
    gateway.post(f"/alarms/{path_segment(device)}/{command}", members, idempotency_key=uuid4().hex)
    click.echo(f"sent to {terminal.printable(device)}; see `idc alarm list` for the effect")
