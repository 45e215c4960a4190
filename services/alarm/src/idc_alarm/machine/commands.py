"""Commands of people, over the broker or by the button: acknowledge, silence, self-test."""

from dataclasses import dataclass, replace
from math import inf
from typing import Final
from uuid import UUID

from idc_alarm.machine.acts import Act, Outcome
from idc_alarm.machine.condition import Silence, Situation
from idc_alarm.machine.events import Commanded, Moment
from idc_alarm.machine.findings import Findings, split_made_before, split_up_to
from idc_alarm.machine.lateness import given_s, is_of_future
from idc_alarm.machine.rules import Rules
from idc_contracts import AcknowledgeAlarm, AlarmAction, SilenceAlarm, TestAlarm

BUTTON: Final = "button"
"""Who acted, when it was the alarm's own button."""


@dataclass(frozen=True)
class _Person:
    """Who acts. `is_cause`: by a message, not by the button."""

    by: str
    note: str | None = None
    is_cause: bool = False

    def did(self, action: AlarmAction, about: UUID | None = None, cleared: tuple[UUID, ...] = ()) -> Act:
        return Act(action, about, self.by, self.is_cause, self.note, cleared)


_BUTTON: Final = _Person(BUTTON)


def commanded(situation: Situation, event: Commanded, moment: Moment, rules: Rules) -> Outcome:
    message = event.message
    person = _Person(message.by, message.note, is_cause=True)
    at_s = given_s(situation, event, moment, rules)
    match message:
        case AcknowledgeAlarm():
            return _acknowledged(situation, _named(situation, event, moment, rules), person, message.up_to)
        case SilenceAlarm(duration_s=duration_s) if at_s is not None:
            return _silenced(situation, person, moment, at_s, at_s + duration_s)
        case TestAlarm() if at_s is not None and not situation.condition.latched:
            tested = replace(situation, test_since_s=moment.monotonic_s)
            return tested, (person.did(AlarmAction.SELF_TESTED),)
    return situation, (person.did(AlarmAction.IGNORED),)


def pressed(situation: Situation, moment: Moment, rules: Rules, pressed_s: float) -> Outcome:
    """Acknowledge the findings that waited when the button was pressed; if none did, silence the slow beep."""
    waiting = situation.condition.findings
    came_s = [situation.found_s.get(finding.classification_id, -inf) for finding in waiting]
    seen = sum(at_s <= pressed_s for at_s in came_s)  # they are in the order of arrival
    if seen:
        return _acknowledged(situation, (waiting[:seen], waiting[seen:]), _BUTTON)
    return _silenced(situation, _BUTTON, moment, pressed_s, pressed_s + rules.button_silence_s)


def _named(situation: Situation, event: Commanded, moment: Moment, rules: Rules) -> tuple[Findings, Findings]:
    """The findings that an acknowledgement clears, and the rest. One that names its finding never expires."""
    message, waiting = event.message, situation.condition.findings
    up_to = message.up_to if isinstance(message, AcknowledgeAlarm) else None
    if up_to is not None:
        return split_up_to(waiting, up_to)
    is_dated = "sent_at" in message.model_fields_set
    if is_of_future(situation, message, moment, rules) or not (is_dated or event.is_live):
        return (), waiting
    return split_made_before(waiting, message.sent_at)


def _acknowledged(
    situation: Situation, parts: tuple[Findings, Findings], person: _Person, up_to: UUID | None = None
) -> Outcome:
    cleared, left = parts
    if not cleared:
        return situation, (person.did(AlarmAction.IGNORED, up_to),)
    ids = tuple(finding.classification_id for finding in cleared)
    about = None if cleared[-1].is_lost and cleared[-1].count == 1 else ids[-1]
    condition = situation.condition.model_copy(update={"findings": left, "acknowledged": not left})
    acknowledged = replace(
        situation,
        condition=condition,
        found_s={name: came_s for name, came_s in situation.found_s.items() if name not in ids},
        silence=situation.silence if left else None,
    )
    return acknowledged, (person.did(AlarmAction.ACKNOWLEDGED, about, ids),)


def _silenced(situation: Situation, person: _Person, moment: Moment, at_s: float, until_s: float) -> Outcome:
    """Silence what sounded at `at_s`. A finding that came later keeps everything sounding."""
    loud = [finding for finding in situation.condition.findings if not finding.is_quiet]
    is_finding_new = any(situation.found_s.get(finding.classification_id, -inf) > at_s for finding in loud)
    reasons = {reason for reason in situation.technical if situation.reasons_since_s.get(reason, -inf) <= at_s}
    if is_finding_new or not (loud or reasons) or until_s <= moment.monotonic_s:
        return situation, (person.did(AlarmAction.IGNORED),)
    before = situation.silence
    covered = frozenset(reasons) | (before.reasons if before else frozenset())
    act = person.did(AlarmAction.SILENCED, situation.condition.latched_by)
    return replace(situation, silence=Silence(until_s, covered)), (act,)
