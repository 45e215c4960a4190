"""The age of messages, where the clocks can be trusted."""

from idc_alarm.machine.condition import Situation
from idc_alarm.machine.events import Commanded, Moment
from idc_alarm.machine.rules import Rules
from idc_alarm.machine.supervision import is_clock_trusted
from idc_contracts.base import Message


def is_late(situation: Situation, message: Message, gateway: str | None, moment: Moment, rules: Rules) -> bool:
    """Whether a result is too old to sound.

    Where a clock is wrong, every result counts as fresh: sounding too often is the smaller harm.
    """
    age_s = (moment.at - message.sent_at).total_seconds()
    return age_s > rules.max_age_s and is_clock_trusted(situation.supervision, gateway, rules)


def is_of_future(situation: Situation, message: Message, moment: Moment, rules: Rules) -> bool:
    """Whether a message was stamped in the future by the alarm's clock, where that can be trusted."""
    ahead_s = (message.sent_at - moment.at).total_seconds()
    return ahead_s > rules.clock_tolerance_s and is_clock_trusted(situation.supervision, None, rules)


def given_s(situation: Situation, event: Commanded, moment: Moment, rules: Rules) -> float | None:
    """When a command was given, on the monotonic clock; None where that is too long ago or unknown.

    A command takes sound away, so doubt counts against it: without a `sent_at`, or where the alarm's clock is wrong,
    only a command that the broker did not keep counts, as of its arrival.
    """
    if "sent_at" not in event.message.model_fields_set or not is_clock_trusted(situation.supervision, None, rules):
        return moment.monotonic_s if event.is_live else None
    age_s = (moment.at - event.message.sent_at).total_seconds()
    if is_of_future(situation, event.message, moment, rules) or age_s > rules.max_age_s:
        return None
    return moment.monotonic_s - max(0.0, age_s)
