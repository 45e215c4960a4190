"""The alarm's state machine: a pure, total function of situation, event and time. docs/reference/alarm.md draws it."""

from dataclasses import replace
from math import inf

from idc_alarm.machine.acts import Act, Outcome
from idc_alarm.machine.commands import commanded, pressed
from idc_alarm.machine.condition import Situation
from idc_alarm.machine.events import ButtonPressed, Classified, Commanded, Event, Moment, Started
from idc_alarm.machine.findings import Finding, with_finding
from idc_alarm.machine.lateness import is_late
from idc_alarm.machine.rules import Rules
from idc_alarm.machine.signals import is_test_over, signals
from idc_alarm.machine.supervision import observed, reasons
from idc_contracts import AlarmAction, Decision, PatchClassified, Reason, SlideScreened


def after(situation: Situation, event: Event, moment: Moment, rules: Rules) -> Outcome:
    """The situation after an event, and what was done, in this order: what expires, technical reasons, the event.

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
    if situation.silence is not None and moment.monotonic_s >= situation.silence.until_s:
        situation = replace(situation, silence=None)
        acts.append(Act(AlarmAction.SILENCE_ENDED, situation.condition.latched_by))
    return situation, tuple(acts)


def _supervise(situation: Situation, event: Event, moment: Moment, rules: Rules) -> Outcome:
    supervision = observed(situation.supervision, event, moment, rules)
    before, now = situation.technical, reasons(supervision, moment, rules)
    situation = replace(situation, supervision=supervision, technical=now)
    if now != before:
        since_s = {reason: situation.reasons_since_s.get(reason, -inf) for reason in before if reason in now}
        situation = replace(situation, reasons_since_s=dict.fromkeys(now, moment.monotonic_s) | since_s)
        situation = _uncovered(situation)
    if set(now) - set(before):
        first_s = situation.technical_since_s if before else moment.monotonic_s
        return replace(situation, technical_since_s=first_s, clear_until_s=None), (Act(AlarmAction.TECHNICAL_RAISED),)
    if before and not now:
        return replace(situation, technical_since_s=None), (Act(AlarmAction.TECHNICAL_CLEARED),)
    return situation, ()


def _uncovered(situation: Situation) -> Situation:
    """A silence does not cover a reason that ended and came back; a silence that covers nothing ends."""
    silence = situation.silence
    if silence is None:
        return situation
    left = silence.reasons & frozenset(situation.technical)
    is_over = not left and not situation.condition.latched
    return replace(situation, silence=None if is_over else replace(silence, reasons=left))


def _react(situation: Situation, event: Event, moment: Moment, rules: Rules) -> Outcome:
    match event:
        case Classified() if _is_shown(event.message, rules):
            return _classified(situation, event, moment, rules)
        case Commanded():
            return commanded(situation, event, moment, rules)
        case ButtonPressed(pressed_s=pressed_s):
            return pressed(situation, moment, rules, moment.monotonic_s if pressed_s is None else pressed_s)
        case Started() if rules.test_at_start and not situation.condition.latched:
            return replace(situation, test_since_s=moment.monotonic_s), (Act(AlarmAction.SELF_TESTED),)
    return situation, ()


def _is_shown(message: PatchClassified | SlideScreened, rules: Rules) -> bool:
    """Whether a result is one for this alarm; a patch of glass, of which every slide has a lot, is not."""
    reasons = message.reasons if isinstance(message, PatchClassified) else ()
    is_glass = message.decision is Decision.UNCERTAIN and reasons == (Reason.LITTLE_TISSUE,)
    return message.decision in rules.decisions and not is_glass


def _classified(situation: Situation, event: Classified, moment: Moment, rules: Rules) -> Outcome:
    message = event.message
    came_late = is_late(situation, message, event.gateway, moment, rules)
    noted = {
        "latest": message.decision,
        "last_classification": event.result_id,
        "acknowledged": False,
    }
    changed = replace(situation, condition=situation.condition.model_copy(update=noted), clear_until_s=None)
    if message.decision is Decision.IDC:
        changed = _found(changed, event, moment, is_quiet=came_late)
    elif message.decision is Decision.NO_IDC and not (came_late or changed.technical or changed.condition.latched):
        changed = replace(changed, clear_until_s=moment.monotonic_s + rules.clear_for_s)
    action = _what_was_done(situation, changed, moment, rules)
    return changed, (Act(action, event.result_id, is_cause=True),)


def _found(situation: Situation, event: Classified, moment: Moment, *, is_quiet: bool) -> Situation:
    condition, known = situation.condition, situation.condition.findings
    finding = Finding(
        classification_id=event.result_id, made_at=event.message.sent_at, found_at=moment.at, is_quiet=is_quiet
    )
    waiting = with_finding(known, finding)
    came_s = {finding.classification_id: moment.monotonic_s, **situation.found_s}
    names = [one.classification_id for one in waiting]
    # A finding ends a self-test, and one that is not too late ends a silence.
    return replace(
        situation,
        condition=condition.model_copy(update={"findings": waiting}),
        found_s={name: came_s[name] for name in names if name in came_s},
        silence=situation.silence if is_quiet else None,
        test_since_s=None,
    )


def _what_was_done(before: Situation, now: Situation, moment: Moment, rules: Rules) -> AlarmAction:
    if now.is_finding_sounding and not before.is_finding_sounding:
        return AlarmAction.SOUNDED
    is_same = signals(before, moment, rules) == signals(now, moment, rules)
    return AlarmAction.RECORDED if is_same else AlarmAction.SHOWN
