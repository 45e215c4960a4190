"""What lamps and buzzer show: a pure function of situation and time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from idc_alarm.machine.condition import Situation
from idc_alarm.machine.events import Moment
from idc_alarm.machine.rules import Rules
from idc_alarm.machine.supervision import silent_after_s
from idc_contracts import AlarmMode, Decision, Lamps


class Signal(StrEnum):
    """How one output behaves; all but `off` and `steady` are patterns in time."""

    OFF = "off"
    STEADY = "steady"
    FINDING = "finding"
    SILENCED = "silenced"
    TECHNICAL = "technical"


@dataclass(frozen=True)
class Signals:
    """All outputs. Red and blue are never both other than off."""

    red: Signal = Signal.OFF
    amber: Signal = Signal.OFF
    blue: Signal = Signal.OFF
    buzzer: Signal = Signal.OFF

    @property
    def lamps(self) -> Lamps:
        """Which lamps are lit or flash."""
        return Lamps(
            red=self.red is not Signal.OFF, amber=self.amber is not Signal.OFF, blue=self.blue is not Signal.OFF
        )

    @property
    def is_buzzing(self) -> bool:
        """Whether the buzzer sounds, steadily or in a pattern."""
        return self.buzzer is not Signal.OFF


TEST_STEPS: Final = (
    Signals(red=Signal.STEADY),
    Signals(amber=Signal.STEADY),
    Signals(blue=Signal.STEADY),
    Signals(buzzer=Signal.STEADY),
)
"""The self-test: one output at a time."""


def is_test_over(situation: Situation, moment: Moment, rules: Rules) -> bool:
    """Whether a self-test has shown its last step."""
    return situation.test_since_s is not None and _test_step(situation.test_since_s, moment, rules) is None


def signals(situation: Situation, moment: Moment, rules: Rules) -> Signals:
    if situation.test_since_s is not None and not situation.condition.latched:
        step = _test_step(situation.test_since_s, moment, rules)
        if step is not None:
            return step
    return Signals(
        red=_red(situation), amber=_amber(situation), blue=_blue(situation), buzzer=_buzzer(situation, moment, rules)
    )


def mode(situation: Situation) -> AlarmMode:
    """The most urgent of what is shown, in this order."""
    is_shown = {
        AlarmMode.FINDING: situation.condition.latched and situation.silence is None,
        AlarmMode.SELF_TEST: situation.test_since_s is not None,
        AlarmMode.SILENCED: situation.is_silenced,
        AlarmMode.TECHNICAL: bool(situation.technical),
        AlarmMode.REVIEW: situation.condition.latest is Decision.UNCERTAIN,
        AlarmMode.ACKNOWLEDGED: situation.condition.acknowledged,
        AlarmMode.CLEAR: situation.clear_until_s is not None,
    }
    return next((name for name, is_so in is_shown.items() if is_so), AlarmMode.IDLE)


def next_change_s(situation: Situation, moment: Moment, rules: Rules) -> float | None:
    """Seconds until an output may change without an event; None if it will not. Clock jumps are not foreseen."""
    ends = [situation.clear_until_s, situation.silence.until_s if situation.silence else None]
    ends += silent_after_s(situation.supervision, rules)
    if situation.technical_since_s is not None:
        ends.append(situation.technical_since_s + rules.beep_after_s)
    if situation.test_since_s is not None:
        steps = (moment.monotonic_s - situation.test_since_s) // rules.test_step_s + 1
        ends.append(situation.test_since_s + steps * rules.test_step_s)
    waits_s = [end_s - moment.monotonic_s for end_s in ends if end_s is not None and end_s > moment.monotonic_s]
    return min(waits_s, default=None)


def _test_step(since_s: float, moment: Moment, rules: Rules) -> Signals | None:
    step = int((moment.monotonic_s - since_s) // rules.test_step_s)
    return TEST_STEPS[step] if 0 <= step < len(TEST_STEPS) else None


def _red(situation: Situation) -> Signal:
    if not situation.condition.latched:
        return Signal.OFF
    return Signal.FINDING if situation.is_finding_sounding else Signal.SILENCED


def _amber(situation: Situation) -> Signal:
    if situation.technical:
        return Signal.TECHNICAL if situation.sounding_reasons else Signal.SILENCED
    return Signal.STEADY if situation.condition.latest is Decision.UNCERTAIN else Signal.OFF


def _blue(situation: Situation) -> Signal:
    is_clear = situation.clear_until_s is not None and not situation.technical and not situation.condition.latched
    return Signal.STEADY if is_clear else Signal.OFF


def _buzzer(situation: Situation, moment: Moment, rules: Rules) -> Signal:
    if situation.is_finding_sounding:
        return Signal.FINDING
    since_s = situation.technical_since_s
    if since_s is None or not situation.sounding_reasons:
        return Signal.OFF
    return Signal.TECHNICAL if moment.monotonic_s - since_s >= rules.beep_after_s else Signal.OFF
