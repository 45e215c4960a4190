"""The state machine over generated histories. `ALARM_HISTORIES` says how many (default 150)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from idc_alarm.machine.acts import Act
from idc_alarm.machine.condition import SUSPECT, Condition, Situation, restored
from idc_alarm.machine.events import (
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
from idc_alarm.machine.policy import after
from idc_alarm.machine.rules import Rules
from idc_alarm.machine.signals import TEST_STEPS, Signal, Signals, mode, next_change_s, signals
from idc_alarm.machine.supervision import MAX_GATEWAYS, is_clock_trusted
from idc_contracts import (
    MAX_FINDINGS,
    NOTHING_SEEN,
    AcknowledgeAlarm,
    AlarmAction,
    AlarmMode,
    Decision,
    Reason,
    ServiceStatus,
    SilenceAlarm,
    TechnicalReason,
    TestAlarm,
    utc_now,
)
from support.alarm_messages import acknowledge, patch_classified, slide_screened

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

    def classify(
        self, decision: Decision | str, *, reasons: tuple[Reason, ...] = (), age_s: float = 0.0, is_live: bool = True
    ) -> Classified:
        sent_at = self.now.at - timedelta(seconds=age_s)
        event = Classified(GATEWAY, patch_classified(decision, sent_at=sent_at, reasons=reasons), is_live)
        self.do(event)
        return event

    def screen(
        self, decision: Decision | str, *, slide_id: UUID | None = None, age_s: float = 0.0, is_live: bool = True
    ) -> Classified:
        sent_at = self.now.at - timedelta(seconds=age_s)
        event = Classified(GATEWAY, slide_screened(decision, slide_id, sent_at=sent_at), is_live)
        self.do(event)
        return event

    def acknowledge(self, *, age_s: float = 0.0, up_to: UUID | None = None, is_live: bool = True) -> None:
        sent_at = self.now.at - timedelta(seconds=age_s)
        self.do(Commanded(acknowledge(sent_at=sent_at, up_to=up_to), is_live))

    def silence(self, duration_s: int = 60, *, age_s: float = 0.0, is_live: bool = True) -> None:
        sent_at = self.now.at - timedelta(seconds=age_s)
        message = SilenceAlarm(source="operator", by="nurse", duration_s=duration_s, sent_at=sent_at)
        self.do(Commanded(message, is_live))

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


def test_uncertain_lights_amber_steadily(history: History) -> None:
    history.classify("uncertain")
    history.wait(800)

    assert history.shown == Signals(amber=Signal.STEADY)
    assert history.mode is AlarmMode.REVIEW


@pytest.mark.parametrize("before", [None, "idc", "uncertain", "no_idc"])
def test_little_tissue_alone_shows_and_changes_nothing(history: History, before: str | None) -> None:
    if before is not None:
        history.classify(before)
    condition, shown, acts = history.situation.condition, history.shown, len(history.acts)

    history.classify("uncertain", reasons=(Reason.LITTLE_TISSUE,))

    assert (history.situation.condition, history.shown, len(history.acts)) == (condition, shown, acts)


@pytest.mark.parametrize("other", [reason for reason in Reason if reason is not Reason.LITTLE_TISSUE])
def test_little_tissue_with_another_reason_is_uncertain_as_any(history: History, other: Reason) -> None:
    history.classify("uncertain", reasons=tuple(reason for reason in Reason if reason in (Reason.LITTLE_TISSUE, other)))

    assert history.shown == Signals(amber=Signal.STEADY)


def test_finding_sounds_whatever_reasons_its_message_has(history: History) -> None:
    history.classify("idc", reasons=(Reason.LITTLE_TISSUE,))

    assert history.shown == FINDING


def test_little_tissue_shows_that_the_gateway_lives(history: History) -> None:
    history.wait(901)

    history.classify("uncertain", reasons=(Reason.LITTLE_TISSUE,))

    assert history.situation.technical == ()


@pytest.mark.parametrize("decision", Decision)
def test_slide_shows_what_a_patch_of_the_same_decision_shows(history: History, decision: Decision) -> None:
    other = History().online()

    slide, patch = history.screen(decision), other.classify(decision)

    assert (history.shown, history.mode) == (other.shown, other.mode)
    assert history.acts[-1].action is other.acts[-1].action
    assert history.acts[-1].classification_id == slide.result_id != patch.result_id


def test_finding_of_a_slide_is_latched_and_acknowledged_by_the_id_of_the_slide(history: History) -> None:
    slide = history.screen("idc")
    patch = history.classify("idc")
    assert history.situation.condition.latched_by == slide.result_id

    history.screen("no_idc")
    assert history.shown == FINDING  # no other result clears it

    history.acknowledge(up_to=slide.result_id)
    assert [finding.classification_id for finding in history.situation.condition.findings] == [patch.result_id]
    history.acknowledge(up_to=patch.result_id)
    assert not history.situation.condition.latched


def test_slide_that_is_screened_again_is_one_finding(history: History) -> None:
    first = history.screen("idc")
    history.screen("idc", slide_id=first.result_id)

    assert len(history.situation.condition.findings) == 1


def test_slide_that_was_screened_long_ago_lights_red_without_a_sound(history: History) -> None:
    history.screen("idc", age_s=601.0, is_live=False)

    assert history.shown == Signals(red=Signal.SILENCED)


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
    due_s = next_change_s(history.situation, history.now, history.rules)

    history.wait(90)
    patient = history.situation.technical
    history.wait(1)

    assert due_s == 90.0
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


def test_gateway_that_must_be_there_is_heard_behind_a_flood_of_made_up_ones() -> None:
    history = History()
    history.do(ConnectionChanged(is_up=True))
    for number in range(MAX_GATEWAYS + 10):
        message = ServiceStatus(source="junk", status="online", version="1", sent_at=history.now.at)
        history.do(GatewayReported(f"site/junk-{number}", message, is_live=True))

    history.gateway("online")

    assert history.situation.technical == ()


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


def test_acknowledgement_that_was_sent_before_a_finding_does_not_clear_it(history: History) -> None:
    first = history.classify("idc")
    history.wait(120)
    second = history.classify("idc")

    history.acknowledge(age_s=120)

    assert history.shown == FINDING
    assert history.situation.condition.latched_by == second.message.classification_id
    assert history.acts[-1].cleared == (first.message.classification_id,)


def test_acknowledgement_clears_up_to_the_finding_that_it_names(history: History) -> None:
    findings = [history.classify("idc").message.classification_id for _ in range(4)]

    history.acknowledge(up_to=findings[2])

    assert history.shown == FINDING
    assert history.situation.condition.latest_finding == history.situation.condition.latched_by == findings[3]
    assert (history.acts[-1].classification_id, history.acts[-1].cleared) == (findings[2], tuple(findings[:3]))
    history.acknowledge(up_to=findings[3])
    assert history.shown == Signals()


@pytest.mark.parametrize("up_to", [uuid4(), NOTHING_SEEN])
def test_acknowledgement_of_a_finding_that_does_not_wait_clears_nothing(history: History, up_to: UUID) -> None:
    history.classify("idc")

    history.acknowledge(up_to=up_to)

    assert history.shown == FINDING
    assert (history.acts[-1].action, history.acts[-1].classification_id) == (AlarmAction.IGNORED, up_to)


def test_acknowledgement_that_overtakes_its_finding_does_not_clear_it(history: History) -> None:
    finding = patch_classified("idc", sent_at=history.now.at)
    history.acknowledge(up_to=finding.classification_id)

    history.do(Classified(GATEWAY, finding, is_live=True))

    assert history.shown == FINDING


def test_acknowledgement_that_names_its_finding_is_never_too_late(history: History) -> None:
    finding = history.classify("idc").message.classification_id

    history.acknowledge(up_to=finding, age_s=90000, is_live=False)

    assert history.shown == Signals()


def test_findings_beyond_the_bound_are_counted_and_cleared_with_a_later_one(history: History) -> None:
    ids = [history.classify("idc").message.classification_id for _ in range(MAX_FINDINGS + 10)]
    condition = history.situation.condition
    counted = sum(finding.count for finding in condition.findings)

    history.acknowledge(up_to=ids[3])  # stands under a later one's id by now
    still = history.shown
    history.acknowledge(up_to=ids[20])

    assert (len(condition.findings), counted) == (MAX_FINDINGS, MAX_FINDINGS + 10)
    assert still == FINDING
    assert sum(finding.count for finding in history.situation.condition.findings) == MAX_FINDINGS + 10 - 21


def test_button_clears_what_was_there_when_it_was_pressed(history: History) -> None:
    first = history.classify("idc").message.classification_id
    history.wait(5)
    pressed_s = history.now.monotonic_s
    history.wait(0.2)
    second = history.classify("idc").message.classification_id

    history.do(ButtonPressed(pressed_s))

    assert history.shown == FINDING
    assert (history.acts[-1].by, history.acts[-1].cleared) == ("button", (first,))
    assert history.situation.condition.latched_by == second


def test_press_before_a_finding_came_neither_clears_nor_silences_it(history: History) -> None:
    history.do(ConnectionChanged(is_up=False))
    pressed_s = history.now.monotonic_s
    history.wait(0.2)
    history.classify("idc")

    history.do(ButtonPressed(pressed_s))

    assert history.shown.buzzer is Signal.FINDING


def test_new_technical_reason_is_heard_through_a_silence(history: History) -> None:
    history.classify("idc")
    history.silence(3600)
    history.do(ConnectionChanged(is_up=False))

    history.wait(RULES.beep_after_s)

    assert history.shown == Signals(red=Signal.SILENCED, amber=Signal.TECHNICAL, buzzer=Signal.TECHNICAL)
    assert history.mode is AlarmMode.TECHNICAL


def test_technical_reason_that_comes_back_is_heard_through_the_silence_of_its_first_time(history: History) -> None:
    history.do(JournalChanged(is_working=False))
    history.gateway("offline")
    history.wait(20)
    history.silence(3600)
    quiet = history.shown
    history.gateway("online")
    history.gateway("offline")

    history.wait(RULES.beep_after_s)

    assert quiet == Signals(amber=Signal.SILENCED)
    assert history.shown == Signals(amber=Signal.TECHNICAL, buzzer=Signal.TECHNICAL)


def test_silence_does_not_cover_a_finding_that_came_after_it_was_given(history: History) -> None:
    history.classify("idc")
    history.wait(30)
    history.classify("idc")

    history.silence(600, age_s=10)

    assert history.shown == FINDING
    assert history.actions[-1] is AlarmAction.IGNORED


@pytest.mark.parametrize("age_s", [61.0, 599.0, 601.0, -61.0])
def test_silence_whose_time_is_over_or_has_not_come_is_ignored(history: History, age_s: float) -> None:
    history.classify("idc")
    history.wait(1000)

    history.silence(60, age_s=age_s)

    assert history.shown == FINDING
    assert history.actions[-1] is AlarmAction.IGNORED


@pytest.mark.parametrize("fields", [{"command": "silence", "duration_s": 600}, {"command": "test"}, {}])
def test_command_without_a_time_counts_only_where_the_broker_did_not_keep_it(
    history: History, fields: dict[str, object]
) -> None:
    kinds = {"silence": SilenceAlarm, "test": TestAlarm, None: AcknowledgeAlarm}
    message = kinds[fields.get("command")].model_validate({"source": "x", "by": "x", **fields})  # type: ignore[index]
    history.now = Moment(utc_now(), history.now.monotonic_s)
    if "command" not in fields or "duration_s" in fields:
        history.do(Classified(GATEWAY, patch_classified("idc", sent_at=message.sent_at), is_live=True))

    history.do(Commanded(message, is_live=False))
    kept = history.actions[-1]
    history.do(Commanded(message, is_live=True))

    assert kept is AlarmAction.IGNORED
    assert history.actions[-1] is not AlarmAction.IGNORED


def test_silence_by_an_unknown_clock_counts_only_live(history: History) -> None:
    history.classify("idc")
    history.jump(3600)

    history.silence(60, age_s=3600, is_live=False)
    kept = history.actions[-1]
    history.silence(60, age_s=3600, is_live=True)

    assert kept is AlarmAction.IGNORED
    assert history.actions[-1] is AlarmAction.SILENCED


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


@dataclass
class Waiting:
    """A finding that nobody acknowledged, as the test knows of it."""

    classification_id: UUID
    made_at: datetime
    came_s: float
    is_loud: bool


@dataclass
class Quiet:
    """A silence, as the test knows of it."""

    given_s: float
    until_s: float
    covered: set[TechnicalReason]


class AlarmHistories(RuleBasedStateMachine):
    """What the alarm promises, as invariants over any history of events, troubles, restarts and time."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self.begun_s = self.history.now.monotonic_s
        self.history.situation = restored(Condition(), NINE, self.history.now)
        self.waiting: list[Waiting] = []
        self.quiet: Quiet | None = None
        self.reason_since_s = {TechnicalReason.BROKER_LOST: -inf}
        self.clear_left_s = 0.0  # how long blue may still be lit
        self.latest: Decision | None = None

    @property
    def _reasons(self) -> set[TechnicalReason]:
        return set(self.history.situation.technical)

    @property
    def _now_s(self) -> float:
        return self.history.now.monotonic_s

    @property
    def _is_own_clock_trusted(self) -> bool:
        return is_clock_trusted(self.history.situation.supervision, None, RULES)

    def _notice_reasons(self) -> None:
        """What came since the last look came now; what is over is covered by no silence when it comes back."""
        for reason in self._reasons - set(self.reason_since_s):
            self.reason_since_s[reason] = self._now_s
        for reason in set(self.reason_since_s) - self._reasons:
            del self.reason_since_s[reason]
        if self.quiet is not None:
            self.quiet.covered &= self._reasons
            if not self.quiet.covered and not self.waiting:
                self.quiet = None

    def _let_time_pass(self) -> None:
        if self.quiet is not None and self._now_s >= self.quiet.until_s:
            self.quiet = None

    def _acknowledged(self, left: list[Waiting]) -> None:
        if left != self.waiting and not left:
            self.quiet = None
        self.waiting = left

    def _silenced(self, given_s: float, until_s: float) -> None:
        loud = [finding for finding in self.waiting if finding.is_loud]
        covered = {reason for reason, since_s in self.reason_since_s.items() if since_s <= given_s}
        is_given = all(finding.came_s <= given_s for finding in loud) and (loud or covered) and until_s > self._now_s
        if is_given:
            self.quiet = Quiet(given_s, until_s, covered | (self.quiet.covered if self.quiet else set()))

    @rule(
        decision=st.sampled_from(Decision),
        reasons=st.lists(st.sampled_from(Reason), unique=True, max_size=2).map(tuple),
        age_s=st.sampled_from([0.0, 5.0, 599.0, 601.0, 90000.0]),
    )
    def classify(self, decision: Decision, reasons: tuple[Reason, ...], age_s: float) -> None:
        is_trusted = TechnicalReason.CLOCK_WRONG not in self._reasons
        event = self.history.classify(decision, reasons=reasons, age_s=age_s, is_live=age_s < 60)
        self._notice_reasons()
        if decision is Decision.UNCERTAIN and reasons == (Reason.LITTLE_TISSUE,):
            return
        self._has_result(event, age_s, is_trusted=is_trusted)

    @rule(decision=st.sampled_from(Decision), age_s=st.sampled_from([0.0, 5.0, 599.0, 601.0, 90000.0]))
    def screen_a_slide(self, decision: Decision, age_s: float) -> None:
        is_trusted = TechnicalReason.CLOCK_WRONG not in self._reasons
        event = self.history.screen(decision, age_s=age_s, is_live=age_s < 60)
        self._notice_reasons()
        self._has_result(event, age_s, is_trusted=is_trusted)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def screen_a_waiting_slide_again(self, data: st.DataObject) -> None:
        """Its finding waits already, under the same id; what is sounding then sounds on, and a silence ends."""
        finding = data.draw(st.sampled_from(self.waiting))
        self.history.screen(Decision.IDC, slide_id=finding.classification_id)
        self._notice_reasons()
        self.latest, self.clear_left_s, self.quiet = Decision.IDC, 0.0, None

    def _has_result(self, event: Classified, age_s: float, *, is_trusted: bool) -> None:
        is_late = age_s > 600 and is_trusted and TechnicalReason.CLOCK_WRONG not in self._reasons
        decision = event.message.decision
        self.latest = decision
        self.clear_left_s = 0.0
        if decision is Decision.IDC:
            self.waiting.append(Waiting(event.result_id, event.message.sent_at, self._now_s, not is_late))
            self.quiet = self.quiet if is_late else None
        elif decision is Decision.NO_IDC and not is_late:
            self.clear_left_s = RULES.clear_for_s

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def acknowledge_up_to_one(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.waiting) - 1))
        self.history.acknowledge(up_to=self.waiting[place].classification_id)
        self._acknowledged(self.waiting[place + 1 :])

    @rule(up_to=st.uuids())
    def acknowledge_what_does_not_wait(self, up_to: UUID) -> None:
        self.history.acknowledge(up_to=up_to)

    @rule(age_s=st.sampled_from([-3600.0, 0.0, 0.5, 2.0, 3600.0]), is_live=st.booleans())
    def acknowledge_without_a_name(self, age_s: float, is_live: bool) -> None:
        self.history.acknowledge(age_s=age_s, is_live=is_live)
        if age_s < 0 and self._is_own_clock_trusted:
            return
        sent_at = self.history.now.at - timedelta(seconds=age_s)
        self._acknowledged([finding for finding in self.waiting if finding.made_at > sent_at])

    @rule(late_s=st.sampled_from([0.0, 0.3, 3.0]))
    def press_the_button(self, late_s: float) -> None:
        pressed_s = self._now_s - late_s
        self.history.do(ButtonPressed(pressed_s))
        left = [finding for finding in self.waiting if finding.came_s > pressed_s]
        if left == self.waiting:
            self._silenced(pressed_s, pressed_s + RULES.button_silence_s)
        self._acknowledged(left)

    @rule(
        duration_s=st.integers(1, 3600), age_s=st.sampled_from([-3600.0, 0.0, 0.3, 30.0, 601.0]), is_live=st.booleans()
    )
    def silence(self, duration_s: int, age_s: float, is_live: bool) -> None:
        self.history.silence(duration_s, age_s=age_s, is_live=is_live)
        if self._is_own_clock_trusted and 0.0 <= age_s <= 600.0:
            self._silenced(self._now_s - age_s, self._now_s - age_s + duration_s)
        elif not self._is_own_clock_trusted and is_live:
            self._silenced(self._now_s, self._now_s + duration_s)

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
        self.history.wait(seconds)
        self._let_time_pass()

    @rule(seconds=st.sampled_from([-90000.0, -3600.0, -2.0, 2.0, 3600.0]))
    def clock_jumps(self, seconds: float) -> None:
        self.history.jump(seconds)

    @precondition(lambda self: self.history.acts)
    @rule()
    def restart(self) -> None:
        kept = Condition.model_validate_json(self.history.situation.condition.model_dump_json())
        self.history.situation = restored(kept, self.history.now.at, self.history.now)
        self.clear_left_s, self.quiet, self.begun_s = 0.0, None, self._now_s
        self.reason_since_s = {TechnicalReason.BROKER_LOST: -inf}
        for finding in self.waiting:
            finding.came_s = self.history.situation.found_s[finding.classification_id]
        self.history.do(Started())

    @invariant()
    def what_changed_is_noticed(self) -> None:
        self._notice_reasons()

    @invariant()
    def red_and_blue_are_never_lit_together(self) -> None:
        lamps = self.history.shown.lamps
        assert not (lamps.red and lamps.blue)

    @invariant()
    def finding_waits_until_an_acknowledgement_of_it_or_a_later_one(self) -> None:
        known = [finding.classification_id for finding in self.history.situation.condition.findings]
        assert known == [finding.classification_id for finding in self.waiting]
        if self.history.mode is not AlarmMode.SELF_TEST:
            assert self.history.shown.lamps.red is bool(self.waiting)

    @invariant()
    def finding_sounds_unless_it_was_silenced_or_came_too_late(self) -> None:
        self._notice_reasons()
        is_sounding = any(finding.is_loud for finding in self.waiting) and self.quiet is None
        assert (self.history.shown.buzzer is Signal.FINDING) is is_sounding

    @invariant()
    def technical_reason_is_heard_through_a_silence_that_was_given_before_it_came(self) -> None:
        self._notice_reasons()
        covered = self.quiet.covered if self.quiet else set()
        heard = {
            reason
            for reason, since_s in self.reason_since_s.items()
            if reason not in covered and self._now_s - max(since_s, self.begun_s) >= RULES.beep_after_s
        }
        if heard and self.history.mode is not AlarmMode.SELF_TEST:
            assert self.history.shown.buzzer is not Signal.OFF
            assert self.history.shown.amber is Signal.TECHNICAL

    @invariant()
    def blue_follows_from_a_fresh_patch_alone_and_fades(self) -> None:
        if self._reasons or self.waiting:
            self.clear_left_s = 0.0  # and it does not come back
        if self.history.shown.blue is not Signal.OFF and self.history.mode is not AlarmMode.SELF_TEST:
            assert self.latest is Decision.NO_IDC
            assert self.clear_left_s > -1e-6
            assert not self._reasons

    @invariant()
    def trouble_has_its_own_amber_and_its_beep_only_without_a_finding(self) -> None:
        shown = self.history.shown
        if self._reasons and self.history.mode is not AlarmMode.SELF_TEST:
            assert shown.amber in {Signal.TECHNICAL, Signal.SILENCED}
        if shown.buzzer is Signal.TECHNICAL:
            assert self._reasons

    @invariant()
    def review_is_steady_amber(self) -> None:
        if not self._reasons and self.history.mode is not AlarmMode.SELF_TEST:
            assert (self.history.shown.amber is Signal.STEADY) is (self.latest is Decision.UNCERTAIN)

    @invariant()
    def silence_of_all_that_is_wrong_is_shown_and_named(self) -> None:
        if self.history.situation.is_silenced:
            assert self.history.mode in {AlarmMode.SILENCED, AlarmMode.SELF_TEST}
        if self.history.mode is AlarmMode.SILENCED:
            assert self.history.shown.buzzer is Signal.OFF

    @invariant()
    def self_test_shows_one_output_at_a_time_and_never_over_a_finding(self) -> None:
        if self.history.mode is AlarmMode.SELF_TEST:
            assert not self.waiting
            assert self.history.shown in TEST_STEPS


AlarmHistories.TestCase.settings = settings(
    max_examples=int(os.environ.get("ALARM_HISTORIES", "150")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAlarmHistories = AlarmHistories.TestCase
