"""The alarm's state machine: a pure, total function of situation, event and time. docs/alarm.md draws it."""

from dataclasses import dataclass, replace
from uuid import UUID

from idc_alarm.condition import Condition, Situation
from idc_alarm.events import ButtonPressed, Classified, Commanded, Event, Moment, Started
from idc_alarm.rules import Rules
from idc_alarm.signals import is_test_over, signals
from idc_alarm.supervision import is_clock_trusted, observed, reasons
from idc_contracts import AcknowledgeAlarm, AlarmAction, Decision, PatchClassified, SilenceAlarm, TestAlarm
from idc_contracts.base import Message

BUTTON = "button"
"""Who acted, where it was the alarm's own button."""


@dataclass(frozen=True)
class Act:
    """One thing that the alarm did. `is_cause`: because of the event itself, not of time or trouble."""

    action: AlarmAction
    classification_id: UUID | None = None
    by: str | None = None
    is_cause: bool = False


Outcome = tuple[Situation, tuple[Act, ...]]


def after(situation: Situation, event: Event, moment: Moment, rules: Rules) -> Outcome:
    """The situation that follows an event, and what was done, in this order: what time ends, what is wrong, the event.

    Args:
        situation: What the alarm knew before.
        event: What happened.
        moment: When; its monotonic clock must not go back.
        rules: How long things last.
    """
    situation, ended = _let_time_pass(situation, moment, rules)
    situation, technical = _supervise(situation, event, moment, rules)
    situation, done = _react(situation, event, moment, rules)
    return situation, (*ended, *technical, *done)


def _let_time_pass(situation: Situation, moment: Moment, rules: Rules) -> Outcome:
    acts = []
    if is_test_over(situation, moment, rules):
        situation = replace(situation, test_since_s=None)
    if situation.clear_until_s is not None and moment.monotonic_s >= situation.clear_until_s:
        situation = replace(situation, clear_until_s=None)
        acts.append(Act(AlarmAction.FADED))
    if situation.silent_until_s is not None and moment.monotonic_s >= situation.silent_until_s:
        situation = replace(situation, silent_until_s=None)
        acts.append(Act(AlarmAction.SILENCE_ENDED, situation.condition.latched_by))
    return situation, tuple(acts)


def _supervise(situation: Situation, event: Event, moment: Moment, rules: Rules) -> Outcome:
    supervision = observed(situation.supervision, event, moment, rules)
    before, now = situation.technical, reasons(supervision, moment, rules)
    situation = replace(situation, supervision=supervision, technical=now)
    if set(now) - set(before):
        since_s = situation.technical_since_s if before else moment.monotonic_s
        raised = replace(situation, technical_since_s=since_s, clear_until_s=None)
        return raised, (Act(AlarmAction.TECHNICAL_RAISED),)
    if before and not now:
        silent_until_s = situation.silent_until_s if situation.condition.latched else None
        cleared = replace(situation, technical_since_s=None, silent_until_s=silent_until_s)
        return cleared, (Act(AlarmAction.TECHNICAL_CLEARED),)
    return situation, ()


def _react(situation: Situation, event: Event, moment: Moment, rules: Rules) -> Outcome:
    match event:
        case Classified() if event.message.decision in rules.decisions:
            return _classified(situation, event, moment, rules)
        case Commanded(message=message):
            return _commanded(situation, message, moment, rules)
        case ButtonPressed():
            return _pressed(situation, moment, rules)
        case Started() if rules.test_at_start and not situation.condition.latched:
            return replace(situation, test_since_s=moment.monotonic_s), (Act(AlarmAction.SELF_TESTED),)
    return situation, ()


def _classified(situation: Situation, event: Classified, moment: Moment, rules: Rules) -> Outcome:
    message = event.message
    is_late = _is_late(situation, message, event.gateway, moment, rules)
    noted = {
        "latest": message.decision,
        "last_classification": message.classification_id,
        "acknowledged": False,
    }
    changed = replace(situation, condition=situation.condition.model_copy(update=noted), clear_until_s=None)
    if message.decision is Decision.IDC:
        changed = _found(changed, message, moment, is_late=is_late)
    elif message.decision is Decision.NO_IDC and not (is_late or changed.technical or changed.condition.latched):
        changed = replace(changed, clear_until_s=moment.monotonic_s + rules.clear_for_s)
    action = _what_was_done(situation, changed, moment, rules)
    return changed, (Act(action, message.classification_id, is_cause=True),)


def _found(situation: Situation, message: PatchClassified, moment: Moment, *, is_late: bool) -> Situation:
    condition = situation.condition
    if not condition.latched:
        latch = {
            "latched": True,
            "latched_by": message.classification_id,
            "latched_since": moment.at,
            "is_quiet": is_late,
        }
    else:
        latch = {
            "latched_by": condition.latched_by or message.classification_id,
            "is_quiet": condition.is_quiet and is_late,
        }
    # A finding ends a self-test, and one that is not too late ends a silence.
    silent_until_s = situation.silent_until_s if is_late else None
    condition = condition.model_copy(update=latch)
    return replace(situation, condition=condition, silent_until_s=silent_until_s, test_since_s=None)


def _what_was_done(before: Situation, now: Situation, moment: Moment, rules: Rules) -> AlarmAction:
    if now.is_finding_sounding and not before.is_finding_sounding:
        return AlarmAction.SOUNDED
    is_same = signals(before, moment, rules) == signals(now, moment, rules)
    return AlarmAction.RECORDED if is_same else AlarmAction.SHOWN


def _commanded(situation: Situation, message: Message, moment: Moment, rules: Rules) -> Outcome:
    is_late = _is_late(situation, message, None, moment, rules)
    match message:
        case AcknowledgeAlarm(by=by):  # never too late: it comes after the findings that its sender saw
            return _acknowledged(situation, by, is_cause=True)
        case SilenceAlarm(by=by, duration_s=duration_s) if not is_late:
            return _silenced(situation, by, moment.monotonic_s + duration_s, is_cause=True)
        case TestAlarm(by=by) if not is_late and not situation.condition.latched:
            tested = replace(situation, test_since_s=moment.monotonic_s)
            return tested, (Act(AlarmAction.SELF_TESTED, by=by, is_cause=True),)
        case SilenceAlarm(by=by) | TestAlarm(by=by):
            return situation, (Act(AlarmAction.IGNORED, by=by, is_cause=True),)
    return situation, ()


def _pressed(situation: Situation, moment: Moment, rules: Rules) -> Outcome:
    if situation.condition.latched:
        return _acknowledged(situation, BUTTON)
    return _silenced(situation, BUTTON, moment.monotonic_s + rules.button_silence_s)


def _acknowledged(situation: Situation, by: str, *, is_cause: bool = False) -> Outcome:
    condition = situation.condition
    if not condition.latched:
        return situation, (Act(AlarmAction.IGNORED, by=by, is_cause=is_cause),)
    seen = Condition(acknowledged=True, latest=condition.latest, last_classification=condition.last_classification)
    act = Act(AlarmAction.ACKNOWLEDGED, condition.latched_by, by, is_cause)
    return replace(situation, condition=seen, silent_until_s=None), (act,)


def _silenced(situation: Situation, by: str, until_s: float, *, is_cause: bool = False) -> Outcome:
    condition = situation.condition
    has_sound = (condition.latched and not condition.is_quiet) or bool(situation.technical)
    if not has_sound:
        return situation, (Act(AlarmAction.IGNORED, by=by, is_cause=is_cause),)
    act = Act(AlarmAction.SILENCED, condition.latched_by, by, is_cause)
    return replace(situation, silent_until_s=until_s), (act,)


def _is_late(situation: Situation, message: Message, gateway: str | None, moment: Moment, rules: Rules) -> bool:
    # Where a clock is wrong, every message is taken for a fresh one: sounding too often is the smaller harm.
    age_s = (moment.at - message.sent_at).total_seconds()
    return age_s > rules.max_age_s and is_clock_trusted(situation.supervision, gateway, rules)
