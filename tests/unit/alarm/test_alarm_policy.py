"""The state machine over generated histories. `ALARM_HISTORIES` says how many (default 150)."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from idc_alarm.condition import SUSPECT, Condition, Situation, restored
from idc_alarm.events import (
    ButtonPressed,
    Classified,
    Commanded,
    ConnectionChanged,
    Event,
    GatewayReported,
    JournalChanged,
    Moment,
    Started,
    TimePassed,
)
from idc_alarm.policy import Act, after
from idc_alarm.rules import Rules
from idc_alarm.signals import TEST_STEPS, Signal, Signals, mode, signals
from idc_contracts import (
    AlarmAction,
    AlarmMode,
    Decision,
    ServiceStatus,
    SilenceAlarm,
    TechnicalReason,
    TestAlarm,
)
from support.alarm_messages import acknowledge, patch_classified

NINE = datetime(2026, 1, 2, 9, tzinfo=UTC)
GATEWAY = "site/gateway"
RULES = Rules(gateways=frozenset({GATEWAY}), no_message_after_s=900.0)


class History:
    """One alarm and its time."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.now = Moment(NINE, 100.0)
        self.situation = Situation()
        self.acts: list[Act] = []

    def online(self) -> "History":
        """Connected, with its gateway there."""
        self.do(ConnectionChanged(is_up=True))
        self.gateway("online")
        return self

    def do(self, event: Event) -> tuple[Act, ...]:
        self.situation, acts = after(self.situation, event, self.now, self.rules)
        self.acts += acts
        return acts

    def gateway(self, status: str, *, is_live: bool = True, behind_s: float = 0.0) -> None:
        sent_at = self.now.at - timedelta(seconds=behind_s)
        message = ServiceStatus(source="gateway", status=status, version="1", sent_at=sent_at)  # type: ignore[arg-type]
        self.do(GatewayReported(GATEWAY, message, is_live))

    def classify(self, decision: Decision | str, *, age_s: float = 0.0, is_live: bool = True) -> Classified:
        sent_at = self.now.at - timedelta(seconds=age_s)
        event = Classified(GATEWAY, patch_classified(decision, sent_at=sent_at), is_live)
        self.do(event)
        return event

    def acknowledge(self) -> None:
        self.do(Commanded(acknowledge(sent_at=self.now.at)))

    def silence(self, duration_s: int = 60, age_s: float = 0.0) -> None:
        sent_at = self.now.at - timedelta(seconds=age_s)
        self.do(Commanded(SilenceAlarm(source="operator", by="nurse", duration_s=duration_s, sent_at=sent_at)))

    def test(self) -> None:
        self.do(Commanded(TestAlarm(source="operator", by="nurse", sent_at=self.now.at)))

    def wait(self, seconds: float) -> None:
        self.now = Moment(self.now.at + timedelta(seconds=seconds), self.now.monotonic_s + seconds)
        self.do(TimePassed())

    def jump(self, seconds: float) -> None:
        self.now = Moment(self.now.at + timedelta(seconds=seconds), self.now.monotonic_s)
        self.do(TimePassed())

    @property
    def shown(self) -> Signals:
        return signals(self.situation, self.now, self.rules)

    @property
    def mode(self) -> AlarmMode:
        return mode(self.situation)

    @property
    def actions(self) -> Sequence[AlarmAction]:
        return [act.action for act in self.acts]


@pytest.fixture
def history() -> History:
    return History().online()


FINDING = Signals(red=Signal.FINDING, buzzer=Signal.FINDING)


def test_finding_flashes_and_sounds_until_it_is_acknowledged(history: History) -> None:
    finding = history.classify("idc")
    history.wait(500)
    still = history.shown
    history.acknowledge()

    assert still == FINDING
    assert history.shown == Signals()
    assert history.mode is AlarmMode.ACKNOWLEDGED
    assert [(act.classification_id, act.by) for act in history.acts if act.action is AlarmAction.ACKNOWLEDGED] == [
        (finding.message.classification_id, "nurse")
    ]


def test_finding_is_acknowledged_by_the_button(history: History) -> None:
    history.classify("idc")

    history.do(ButtonPressed())

    assert history.shown == Signals()
    assert history.acts[-1].by == "button"


def test_uncertain_lights_amber_steadily(history: History) -> None:
    history.classify("uncertain")
    history.wait(800)

    assert history.shown == Signals(amber=Signal.STEADY)
    assert history.mode is AlarmMode.REVIEW


def test_clear_lights_blue_and_fades(history: History) -> None:
    history.classify("no_idc")
    at_once = history.shown
    history.wait(59.9)
    before = history.shown
    history.wait(0.2)

    assert at_once == before == Signals(blue=Signal.STEADY)
    assert history.shown == Signals()
    assert history.mode is AlarmMode.IDLE
    assert history.actions[-1] is AlarmAction.FADED


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda history: history.do(ConnectionChanged(is_up=False)), TechnicalReason.BROKER_LOST),
        (lambda history: history.gateway("offline"), TechnicalReason.GATEWAY_OFFLINE),
        (lambda history: history.jump(3600), TechnicalReason.CLOCK_WRONG),
        (lambda history: history.jump(-3600), TechnicalReason.CLOCK_WRONG),
        (lambda history: history.gateway("online", behind_s=3600), TechnicalReason.CLOCK_WRONG),
        (lambda history: history.gateway("online", behind_s=-3600), TechnicalReason.CLOCK_WRONG),
        (lambda history: history.do(JournalChanged(is_working=False)), TechnicalReason.JOURNAL_FAILED),
    ],
)
def test_trouble_puts_blue_out_at_once_and_beeps_later(history: History, trouble: object, reason: str) -> None:
    history.classify("no_idc")

    trouble(history)  # type: ignore[operator]

    assert history.shown == Signals(amber=Signal.TECHNICAL)
    assert history.situation.technical == (reason,)
    history.wait(10)
    assert history.shown == Signals(amber=Signal.TECHNICAL, buzzer=Signal.TECHNICAL)


def test_no_message_for_too_long_is_technical_and_ends_with_the_next(history: History) -> None:
    history.wait(901)
    silent = history.situation.technical
    history.gateway("online")

    assert silent == (TechnicalReason.NO_MESSAGE,)
    assert history.situation.technical == ()


def test_gateway_that_misses_its_announced_repeats_is_missed() -> None:
    history = History(Rules())
    history.do(ConnectionChanged(is_up=True))
    status = ServiceStatus(source="gateway", status="online", version="1", repeat_s=30, sent_at=history.now.at)
    history.do(GatewayReported(GATEWAY, status, is_live=True))

    history.wait(90)
    patient = history.situation.technical
    history.wait(1)

    assert patient == ()
    assert history.situation.technical == (TechnicalReason.NO_MESSAGE,)


def test_blue_does_not_come_back_when_the_trouble_is_over(history: History) -> None:
    history.classify("no_idc")
    history.do(ConnectionChanged(is_up=False))
    history.do(ConnectionChanged(is_up=True))

    assert history.situation.technical == ()
    assert history.shown == Signals()


def test_alarm_that_knows_no_gateway_is_technical() -> None:
    history = History(Rules())

    history.do(ConnectionChanged(is_up=True))

    assert history.situation.technical == (TechnicalReason.GATEWAY_OFFLINE,)


def test_one_of_two_gateways_that_is_off_is_technical(history: History) -> None:
    message = ServiceStatus(source="other", status="offline", version="1", sent_at=history.now.at)

    history.do(GatewayReported("site/other", message, is_live=True))

    assert history.situation.technical == (TechnicalReason.GATEWAY_OFFLINE,)


def test_clock_that_was_put_right_is_trusted_with_the_next_live_message(history: History) -> None:
    history.jump(3600)
    history.classify("uncertain")

    assert history.situation.technical == ()


def test_silence_is_shown_and_ends_after_its_time(history: History) -> None:
    history.classify("idc")
    history.silence(60)
    silenced, named = history.shown, history.mode
    history.wait(60)

    assert silenced == Signals(red=Signal.SILENCED)
    assert named is AlarmMode.SILENCED
    assert history.shown == FINDING
    assert history.actions[-1] is AlarmAction.SILENCE_ENDED


def test_silence_ends_with_a_new_finding(history: History) -> None:
    history.classify("idc")
    history.silence(3600)
    history.classify("idc")

    assert history.shown == FINDING
    assert history.actions[-1] is AlarmAction.SOUNDED


def test_button_silences_the_slow_beep(history: History) -> None:
    history.do(ConnectionChanged(is_up=False))
    history.wait(20)
    history.do(ButtonPressed())

    assert history.shown == Signals(amber=Signal.SILENCED)


@pytest.mark.parametrize("age_s", [601, 86400])
def test_finding_that_is_too_old_is_shown_and_recorded_without_a_sound(history: History, age_s: float) -> None:
    finding = history.classify("idc", age_s=age_s, is_live=False)

    assert history.shown == Signals(red=Signal.SILENCED)
    assert history.situation.condition.latched_by == finding.message.classification_id
    assert history.actions[-1] is AlarmAction.SHOWN


def test_old_no_idc_lights_nothing(history: History) -> None:
    history.classify("no_idc", age_s=601, is_live=False)

    assert history.shown == Signals()
    assert history.actions[-1] is AlarmAction.RECORDED


def test_old_finding_sounds_where_the_clock_is_wrong(history: History) -> None:
    history.jump(3600)
    history.classify("idc", age_s=3600)

    assert history.shown.buzzer is Signal.FINDING


def test_command_that_is_too_old_is_ignored(history: History) -> None:
    history.classify("idc")
    history.silence(60, age_s=700)

    assert history.shown == FINDING
    assert history.actions[-1] is AlarmAction.IGNORED


def test_self_test_shows_each_output_alone_and_ends(history: History) -> None:
    history.test()
    steps = []
    for _ in range(4):
        steps.append(history.shown)
        history.wait(0.5)

    assert tuple(steps) == TEST_STEPS
    assert history.shown == Signals()


def test_start_tests_itself_but_not_over_a_finding() -> None:
    fresh, latched = History(), History()
    latched.situation = restored(Condition(latched=True), NINE, latched.now)

    fresh.do(Started())
    latched.do(Started())

    assert fresh.mode is AlarmMode.SELF_TEST
    assert latched.mode is AlarmMode.FINDING


def test_decision_that_this_alarm_is_not_for_passes_it_by() -> None:
    history = History(Rules(decisions=frozenset({Decision.IDC}))).online()
    before = history.situation.condition

    history.classify("uncertain")

    assert history.situation.condition == before


def test_alarm_names_its_first_unacknowledged_finding(history: History) -> None:
    history.classify("idc")
    history.acknowledge()
    first = history.classify("idc")
    history.classify("idc")

    assert history.situation.condition.latched_by == first.message.classification_id


def test_lost_memory_rings_until_acknowledged(history: History) -> None:
    history.situation = replace(history.situation, condition=SUSPECT)
    ringing = history.shown
    history.acknowledge()

    assert ringing == FINDING
    assert history.shown == Signals()


def test_clock_that_went_back_while_the_alarm_was_off_is_wrong() -> None:
    history = History()
    history.situation = restored(Condition(), NINE + timedelta(days=1), history.now)
    history.online()
    history.gateway("online")  # the gateway agrees with our clock, so it was the journal's that was ahead

    assert history.situation.technical == ()
    ahead = restored(Condition(), NINE + timedelta(days=1), history.now)
    situation, _ = after(ahead, TimePassed(), history.now, RULES)
    assert TechnicalReason.CLOCK_WRONG in situation.technical


class AlarmHistories(RuleBasedStateMachine):
    """The issue's sentences as invariants over any history of events, troubles, restarts and time."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self.is_waiting = False  # a finding that nobody acknowledged
        self.is_loud = False  # one of them came in time
        self.clear_left_s = 0.0  # how long blue may still be lit
        self.silence_left_s = 0.0
        self.latest: Decision | None = None

    @property
    def _is_technical(self) -> bool:
        return bool(self.history.situation.technical)

    @rule(decision=st.sampled_from(Decision), age_s=st.sampled_from([0.0, 5.0, 599.0, 601.0, 90000.0]))
    def classify(self, decision: Decision, age_s: float) -> None:
        is_trusted = TechnicalReason.CLOCK_WRONG not in self.history.situation.technical
        self.history.classify(decision, age_s=age_s, is_live=age_s < 60)
        still_wrong = TechnicalReason.CLOCK_WRONG in self.history.situation.technical
        is_late = age_s > 600 and is_trusted and not still_wrong
        self.latest = decision
        self.clear_left_s = 0.0
        if decision is Decision.IDC:
            self.is_waiting = True
            if not is_late:
                self.is_loud, self.silence_left_s = True, 0.0
        elif decision is Decision.NO_IDC and not is_late:
            self.clear_left_s = RULES.clear_for_s

    @rule(by_button=st.booleans())
    def acknowledge(self, by_button: bool) -> None:
        if by_button and not self.is_waiting:
            return
        if by_button:
            self.history.do(ButtonPressed())
        else:
            self.history.acknowledge()
        if self.is_waiting:
            self.silence_left_s = 0.0
        self.is_waiting = self.is_loud = False

    @rule(duration_s=st.integers(1, 3600))
    def silence(self, duration_s: int) -> None:
        if self.is_loud or self._is_technical:
            self.silence_left_s = float(duration_s)
        self.history.silence(duration_s)

    @rule()
    def self_test(self) -> None:
        self.history.test()

    @rule(is_up=st.booleans())
    def connection(self, is_up: bool) -> None:
        self.history.do(ConnectionChanged(is_up))

    @rule(status=st.sampled_from(["online", "offline"]), behind_s=st.sampled_from([0.0, 5.0, 3600.0, -3600.0]))
    def gateway(self, status: str, behind_s: float) -> None:
        self.history.gateway(status, behind_s=behind_s)

    @rule(is_working=st.booleans())
    def journal(self, is_working: bool) -> None:
        self.history.do(JournalChanged(is_working))

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 10.0, 61.0, 700.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        self.clear_left_s = max(0.0, self.clear_left_s - seconds)
        self.silence_left_s = max(0.0, self.silence_left_s - seconds)
        self.history.wait(seconds)

    @rule(seconds=st.sampled_from([-90000.0, -3600.0, -2.0, 2.0, 3600.0]))
    def clock_jumps(self, seconds: float) -> None:
        self.history.jump(seconds)

    @precondition(lambda self: self.history.acts)
    @rule()
    def restart(self) -> None:
        kept = Condition.model_validate_json(self.history.situation.condition.model_dump_json())
        self.history.situation = restored(kept, self.history.now.at, self.history.now)
        self.clear_left_s = self.silence_left_s = 0.0
        self.history.do(Started())

    @invariant()
    def red_and_blue_are_never_lit_together(self) -> None:
        lamps = self.history.shown.lamps
        assert not (lamps.red and lamps.blue)

    @invariant()
    def finding_stays_red_until_it_is_acknowledged(self) -> None:
        is_testing = self.history.mode is AlarmMode.SELF_TEST
        if not is_testing:
            assert self.history.shown.lamps.red is self.is_waiting
        assert self.history.situation.condition.latched is self.is_waiting

    @invariant()
    def finding_sounds_unless_silenced_or_too_old(self) -> None:
        if self._is_technical or not self.is_waiting:
            self.silence_left_s = self.silence_left_s if self.is_waiting or self._is_technical else 0.0
        is_sounding = self.is_loud and self.silence_left_s <= 1e-6
        assert (self.history.shown.buzzer is Signal.FINDING) is is_sounding

    @invariant()
    def blue_follows_from_a_fresh_patch_alone_and_fades(self) -> None:
        if self._is_technical or self.is_waiting:
            self.clear_left_s = 0.0  # and it does not come back
        if self.history.shown.blue is not Signal.OFF and self.history.mode is not AlarmMode.SELF_TEST:
            assert self.latest is Decision.NO_IDC
            assert self.clear_left_s > -1e-6
            assert not self._is_technical

    @invariant()
    def trouble_has_its_own_amber_and_its_beep_only_without_a_finding(self) -> None:
        shown = self.history.shown
        if self._is_technical and self.history.mode is not AlarmMode.SELF_TEST:
            assert shown.amber in {Signal.TECHNICAL, Signal.SILENCED}
        if shown.buzzer is Signal.TECHNICAL:
            assert self._is_technical

    @invariant()
    def review_is_steady_amber(self) -> None:
        if not self._is_technical and self.history.mode is not AlarmMode.SELF_TEST:
            assert (self.history.shown.amber is Signal.STEADY) is (self.latest is Decision.UNCERTAIN)

    @invariant()
    def silenced_is_shown_and_named(self) -> None:
        if self.history.situation.is_silenced:
            assert self.history.mode in {AlarmMode.SILENCED, AlarmMode.SELF_TEST}
        if self.history.mode is AlarmMode.SILENCED:
            assert self.history.shown.buzzer is Signal.OFF

    @invariant()
    def self_test_shows_one_output_at_a_time_and_never_over_a_finding(self) -> None:
        if self.history.mode is AlarmMode.SELF_TEST:
            assert not self.is_waiting
            assert self.history.shown in TEST_STEPS


AlarmHistories.TestCase.settings = settings(
    max_examples=int(os.environ.get("ALARM_HISTORIES", "150")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAlarmHistories = AlarmHistories.TestCase
