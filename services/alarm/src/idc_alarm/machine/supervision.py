"""Whether the alarm can be sure to receive every finding: broker, gateways, silence, clocks and journal.

A gateway counts as online only while its status says so, and while it sends as often as announced.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from idc_alarm.machine.events import (
    Classified,
    Commanded,
    ConnectionChanged,
    Event,
    GatewayForgotten,
    GatewayReported,
    JournalChanged,
    Moment,
)
from idc_alarm.machine.rules import Rules
from idc_contracts import TechnicalReason

MAX_GATEWAYS: Final = 256
"""Gateways that are remembered; beyond that, only those that must be online."""
MISSED_REPEATS: Final = 3
"""After this many missed repeats, a gateway counts as silent."""
SMALLEST_JUMP_S: Final = 1.0
"""A clock that is slewed, not set, moves by less than this between two events (adjtimex slews 500 ppm)."""


@dataclass(frozen=True)
class Gateway:
    """One gateway. `clock_error_s`: how far the alarm's clock is ahead of the gateway's."""

    heard_s: float
    is_online: bool | None = None
    repeat_s: int | None = None
    clock_error_s: float = 0.0


@dataclass(frozen=True)
class Supervision:
    """What the technical reasons depend on. Times are on the monotonic clock, in seconds."""

    is_connected: bool = False
    is_journal_working: bool = True
    heard_s: float = 0.0
    last: Moment | None = None
    own_clock_error_s: float = 0.0
    gateways: Mapping[str, Gateway] = field(default_factory=dict)


def observed(  # noqa: PLR0911 - one for each kind of event
    supervision: Supervision, event: Event, moment: Moment, rules: Rules
) -> Supervision:
    supervision = _after_jump(supervision, moment)
    match event:
        case ConnectionChanged(is_up=is_up):
            return replace(supervision, is_connected=is_up, heard_s=moment.monotonic_s)
        case JournalChanged(is_working=is_working):
            return replace(supervision, is_journal_working=is_working)
        case GatewayForgotten(gateway=name):
            others = {other: known for other, known in supervision.gateways.items() if other != name}
            return replace(supervision, gateways=others, heard_s=moment.monotonic_s)
        case GatewayReported(gateway=name, status=status):
            known = supervision.gateways.get(name, Gateway(moment.monotonic_s))
            is_online = status.status == "online"
            heard = replace(known, heard_s=moment.monotonic_s, is_online=is_online, repeat_s=status.repeat_s)
            # `offline` may be the last will, which was written when the gateway connected.
            reading = _Reading(status.sent_at, event.is_live and is_online, may_be_late=False)
            return _heard(supervision, name, heard, reading, moment, rules)
        case Classified(gateway=name, message=message, is_live=is_live):
            known = supervision.gateways.get(name, Gateway(moment.monotonic_s))
            heard = replace(known, heard_s=moment.monotonic_s)
            # A result may have waited at its gateway: an old one says nothing about the clock.
            return _heard(supervision, name, heard, _Reading(message.sent_at, is_live, may_be_late=True), moment, rules)
        case Commanded():
            return replace(supervision, heard_s=moment.monotonic_s)
    return supervision


def reasons(supervision: Supervision, moment: Moment, rules: Rules) -> tuple[TechnicalReason, ...]:
    """The technical reasons, in alphabetical order."""
    is_wrong = {
        TechnicalReason.BROKER_LOST: not supervision.is_connected,
        TechnicalReason.CLOCK_WRONG: _is_any_clock_wrong(supervision, rules),
        TechnicalReason.GATEWAY_OFFLINE: supervision.is_connected and _is_gateway_missing(supervision, rules),
        TechnicalReason.JOURNAL_FAILED: not supervision.is_journal_working,
        TechnicalReason.NO_MESSAGE: supervision.is_connected
        and any(moment.monotonic_s > limit_s for limit_s in silent_after_s(supervision, rules)),
    }
    return tuple(reason for reason in sorted(is_wrong) if is_wrong[reason])


def silent_after_s(supervision: Supervision, rules: Rules) -> list[float]:
    """When silence becomes a technical reason, on the monotonic clock: of the broker, and of each gateway online."""
    limits_s = [
        gateway.heard_s + MISSED_REPEATS * gateway.repeat_s
        for gateway in supervision.gateways.values()
        if gateway.is_online and gateway.repeat_s is not None
    ]
    if rules.no_message_after_s is not None:
        limits_s.append(supervision.heard_s + rules.no_message_after_s)
    return limits_s


def offline_gateways(supervision: Supervision, rules: Rules) -> tuple[str, ...]:
    """The gateways that reported `offline`, and those that must be online and never reported it."""
    off = {name for name, gateway in supervision.gateways.items() if gateway.is_online is False}
    return tuple(sorted(off | {name for name in rules.gateways if not _is_online(supervision, name)}))


def is_clock_trusted(supervision: Supervision, gateway: str | None, rules: Rules) -> bool:
    """Whether the age of a gateway's message is known; None: the sender is not a gateway."""
    known = None if gateway is None else supervision.gateways.get(gateway)
    errors_s = (supervision.own_clock_error_s, 0.0 if known is None else known.clock_error_s)
    return all(abs(error_s) <= rules.clock_tolerance_s for error_s in errors_s)


def _is_online(supervision: Supervision, name: str) -> bool:
    known = supervision.gateways.get(name)
    return known is not None and known.is_online is True


def _is_gateway_missing(supervision: Supervision, rules: Rules) -> bool:
    is_any_online = any(gateway.is_online for gateway in supervision.gateways.values())
    return bool(offline_gateways(supervision, rules)) or not is_any_online


def _is_any_clock_wrong(supervision: Supervision, rules: Rules) -> bool:
    names = (None, *supervision.gateways)
    return not all(is_clock_trusted(supervision, name, rules) for name in names)


def _after_jump(supervision: Supervision, moment: Moment) -> Supervision:
    """Detect a clock that was set since the last event, by its step against the monotonic clock."""
    if supervision.last is None:
        return replace(supervision, last=moment)
    elapsed_s = moment.monotonic_s - supervision.last.monotonic_s
    jump_s = (moment.at - supervision.last.at).total_seconds() - elapsed_s
    if abs(jump_s) < SMALLEST_JUMP_S:
        return replace(supervision, last=moment)
    shifted = {
        name: replace(gateway, clock_error_s=gateway.clock_error_s + jump_s)
        for name, gateway in supervision.gateways.items()
    }
    own_s = supervision.own_clock_error_s + jump_s
    return replace(supervision, last=moment, own_clock_error_s=own_s, gateways=shifted)


@dataclass(frozen=True)
class _Reading:
    sent_at: datetime
    is_live: bool
    may_be_late: bool


def _heard(
    supervision: Supervision, name: str, gateway: Gateway, reading: _Reading, moment: Moment, rules: Rules
) -> Supervision:
    heard = replace(supervision, heard_s=moment.monotonic_s)
    is_new = name not in heard.gateways and name not in rules.gateways
    if is_new and len(heard.gateways) >= MAX_GATEWAYS:
        return heard
    ahead_s = (moment.at - reading.sent_at).total_seconds()
    if reading.is_live and abs(ahead_s) <= rules.clock_tolerance_s:
        heard = replace(heard, own_clock_error_s=0.0)
        gateway = replace(gateway, clock_error_s=0.0)
    elif ahead_s < -rules.clock_tolerance_s or (reading.is_live and not reading.may_be_late):
        # A message from the future, or one that is old although just sent, was stamped by a clock that differs.
        gateway = replace(gateway, clock_error_s=ahead_s)
    return replace(heard, gateways={**heard.gateways, name: gateway})
