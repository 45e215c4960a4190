import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from idc_alarm.policy import SUSPECT, Condition, after, outputs, restored
from idc_contracts import Decision, Lamps
from support.alarm_messages import acknowledge, patch_classified


def shown(*events: object) -> tuple[Lamps, bool]:
    condition = Condition()
    for event in events:
        condition = after(condition, event)  # type: ignore[arg-type]
    result = outputs(condition)
    return result.lamps, result.buzzer


DARK = (Lamps(), False)
RED = (Lamps(red=True), True)
RED_AND_AMBER = (Lamps(red=True, amber=True), True)
AMBER = (Lamps(amber=True), False)
BLUE = (Lamps(blue=True), False)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], DARK),
        (["idc"], RED),
        (["no_idc"], BLUE),
        (["uncertain"], AMBER),
        (["no_idc", "idc"], RED),
        (["idc", "no_idc"], RED),
        (["idc", "uncertain"], RED_AND_AMBER),
        (["uncertain", "idc"], RED),
        (["idc", "uncertain", "no_idc"], RED),
        (["uncertain", "no_idc"], BLUE),
        (["no_idc", "uncertain"], AMBER),
        (["ack"], DARK),
        (["no_idc", "ack"], BLUE),
        (["uncertain", "ack"], AMBER),
        (["idc", "ack"], DARK),
        (["idc", "no_idc", "ack"], DARK),
        (["idc", "uncertain", "ack"], AMBER),
        (["idc", "ack", "no_idc"], BLUE),
        (["idc", "ack", "idc"], RED),
    ],
)
def test_history_shows_these_lamps(history: list[str], expected: tuple[Lamps, bool]) -> None:
    events = [acknowledge() if word == "ack" else patch_classified(word) for word in history]

    assert shown(*events) == expected


def test_alarm_names_its_first_unacknowledged_finding() -> None:
    acknowledged, first, second = (patch_classified("idc") for _ in range(3))

    condition = Condition()
    for event in (acknowledged, acknowledge(), first, second, patch_classified("no_idc")):
        condition = after(condition, event)

    assert condition.latched_by == first.classification_id


def test_lost_memory_rings_until_acknowledged() -> None:
    after_no_idc = after(SUSPECT, patch_classified("no_idc"))

    assert (outputs(SUSPECT).lamps.red, outputs(SUSPECT).buzzer) == (True, True)
    assert outputs(after_no_idc).lamps == Lamps(red=True)
    assert outputs(after(after_no_idc, acknowledge())).lamps == Lamps()


@pytest.mark.parametrize(
    ("latest", "latched", "lamps"),
    [
        (Decision.NO_IDC, False, Lamps()),
        (Decision.UNCERTAIN, False, Lamps(amber=True)),
        (Decision.NO_IDC, True, Lamps(red=True)),
        (Decision.UNCERTAIN, True, Lamps(red=True, amber=True)),
        (None, True, Lamps(red=True)),
    ],
)
def test_restart_brings_back_all_but_blue(latest: Decision | None, latched: bool, lamps: Lamps) -> None:
    condition = restored(Condition(latest=latest, latched=latched))

    assert outputs(condition).lamps == lamps


def test_every_condition_can_be_shown() -> None:
    for latched, latest in itertools.product([False, True], [None, *Decision]):
        result = outputs(Condition(latched=latched, latest=latest))

        assert result.buzzer == result.lamps.red == latched


class AlarmHistory(RuleBasedStateMachine):
    """Compares the policy with a model that reads the whole history anew after each event."""

    def __init__(self) -> None:
        super().__init__()
        self.condition = Condition()
        self.history: list[object] = []

    @rule(decision=st.sampled_from(Decision))
    def classify(self, decision: Decision) -> None:
        self._add(patch_classified(decision))

    @rule()
    def acknowledge(self) -> None:
        self._add(acknowledge())

    @rule()
    def restart(self) -> None:
        self.condition = restored(Condition.model_validate_json(self.condition.model_dump_json()))
        self.history.append("restart")

    def _add(self, event: object) -> None:
        self.condition = after(self.condition, event)  # type: ignore[arg-type]
        self.history.append(event)

    def _unacknowledged(self) -> list[object]:
        words = [getattr(event, "decision", "ack") for event in self.history if event != "restart"]
        events = [event for event in self.history if event != "restart"]
        last = max((i for i, word in enumerate(words) if word == "ack"), default=-1)
        return [event for event, word in zip(events[last + 1 :], words[last + 1 :], strict=True) if word == "idc"]

    def _latest(self) -> str | None:
        words = [getattr(event, "decision", None) for event in self.history]
        return next((word for word in reversed(words) if word is not None), None)

    @invariant()
    def red_and_blue_are_never_lit_together(self) -> None:
        lamps = outputs(self.condition).lamps
        assert not (lamps.red and lamps.blue)

    @invariant()
    def red_and_buzzer_are_on_exactly_while_a_finding_waits(self) -> None:
        waiting = self._unacknowledged()
        result = outputs(self.condition)
        assert result.lamps.red == result.buzzer == bool(waiting)
        assert self.condition.latched_by == (waiting[0].classification_id if waiting else None)  # type: ignore[attr-defined]

    @invariant()
    def amber_is_the_latest_word(self) -> None:
        assert outputs(self.condition).lamps.amber == (self._latest() == "uncertain")

    @invariant()
    def blue_is_lit_only_by_the_latest_word(self) -> None:
        if outputs(self.condition).lamps.blue:
            assert self._latest() == "no_idc"
            assert self.history[-1] != "restart"


AlarmHistory.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAlarmHistory = AlarmHistory.TestCase
