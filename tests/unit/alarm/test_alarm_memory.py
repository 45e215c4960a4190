"""The alarm itself: each event once, over restarts too."""

from datetime import UTC, datetime, timedelta

import pytest

from idc_alarm.alarm import Alarm
from idc_alarm.errors import PanelFailed
from idc_alarm.journal.record import REMEMBERED_IDS, AlarmRecord
from idc_alarm.machine.events import Classified, Commanded, ConnectionChanged, Event, GatewayReported
from idc_alarm.machine.rules import Rules
from idc_contracts import AcknowledgeAlarm, AlarmAction, AlarmState, Lamps, PatchClassified, ServiceStatus
from support.alarm_fakes import FakePanel
from support.alarm_messages import acknowledge, patch_classified

NINE = datetime(2026, 1, 2, 9, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NINE

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def elapsed_s(self) -> float:
        return (self.now - NINE).total_seconds()


def make_alarm(panel: FakePanel, record: AlarmRecord | None = None) -> Alarm:
    clock = Clock()
    alarm = Alarm(
        panel,
        record or AlarmRecord(changed_at=NINE),
        device="pi-1",
        rules=Rules(max_age_s=604800),
        clock=clock,
        monotonic=clock.elapsed_s,
    )
    alarm.act(ConnectionChanged(is_up=True))
    status = ServiceStatus(source="gateway", status="online", version="1", sent_at=clock.now)
    alarm.act(GatewayReported("site/gateway", status, is_live=False))
    panel.history.clear()
    return alarm


def event_of(message: PatchClassified | AcknowledgeAlarm) -> Event:
    """The message as an event; sent as the test's clock began."""
    sent = message.model_copy(update={"sent_at": NINE})
    if isinstance(sent, PatchClassified):
        return Classified("site/gateway", sent, is_live=False)
    return Commanded(sent)


def test_late_copy_of_an_acknowledgement_does_not_silence_a_newer_finding() -> None:
    panel = FakePanel()
    alarm = make_alarm(panel)
    button = acknowledge()

    for event in (patch_classified("idc"), button, patch_classified("idc"), button):
        alarm.act(event_of(event))

    assert panel.lamps.red
    assert panel.buzzer


def test_event_seen_before_a_restart_is_ignored_after_it() -> None:
    alarm = make_alarm(FakePanel())
    finding = patch_classified("idc")
    alarm.act(event_of(finding))
    alarm.act(event_of(acknowledge()))
    record = AlarmRecord.model_validate_json(alarm.record.model_dump_json())
    panel = FakePanel()

    restarted = make_alarm(panel, record)
    restarted.show()

    assert restarted.act(event_of(finding)) == []
    assert not panel.lamps.red


def test_memory_of_seen_events_is_bounded_and_forgets_the_oldest() -> None:
    alarm = make_alarm(FakePanel())
    events = [patch_classified("no_idc") for _ in range(REMEMBERED_IDS + 5)]

    for event in events:
        alarm.act(event_of(event))

    assert alarm.record.recent_ids == tuple(event.message_id for event in events[5:])


def test_state_reports_what_is_lit_and_why() -> None:
    alarm = make_alarm(FakePanel())
    finding = patch_classified("idc", correlation_id="request-7")
    later = patch_classified("uncertain", correlation_id="request-8")
    for event in (finding, later):
        alarm.act(event_of(event))
    alarm.rejected_messages += 1

    state = AlarmState.from_payload(alarm.state.to_payload())

    assert state.source == "pi-1"
    assert state.lamps == Lamps(red=True, amber=True)
    assert state.buzzer
    assert state.latched_by == finding.classification_id
    assert state.last_classification == later.classification_id
    assert state.correlation_id == "request-8"
    assert state.rejected_messages == 1
    assert state.state == "finding"
    assert state.latched_since is not None
    assert state.technical == ()


def test_time_of_change_stands_while_the_outputs_stay_the_same() -> None:
    alarm = make_alarm(FakePanel())
    alarm.act(event_of(patch_classified("idc")))
    changed_at = alarm.state.changed_at

    alarm.act(event_of(patch_classified("idc")))

    assert alarm.state.changed_at == changed_at > NINE


def test_action_names_what_it_was_about_and_how_long_it_took() -> None:
    alarm = make_alarm(FakePanel())
    finding = patch_classified("idc", correlation_id="request-7")

    (acted,) = alarm.act(event_of(finding))

    assert (acted.action, acted.state) == (AlarmAction.SOUNDED, "finding")
    assert (acted.acted_on, acted.classification_id) == (finding.message_id, finding.classification_id)
    assert acted.correlation_id == "request-7"
    assert acted.latency_ms is not None
    assert acted.latency_ms % 60000 == 0  # the test's clock goes on a minute with each look
    assert acted.latency_ms > 0


def test_latency_is_not_reported_by_a_wrong_clock() -> None:
    alarm = make_alarm(FakePanel())
    finding = patch_classified("idc").model_copy(update={"sent_at": NINE + timedelta(days=1)})

    acted = alarm.act(Classified("site/gateway", finding, is_live=True))

    assert [entry.latency_ms for entry in acted] == [None] * len(acted)
    assert AlarmAction.SOUNDED in [entry.action for entry in acted]
    assert alarm.state.technical == ("clock_wrong",)


def test_event_that_could_not_be_shown_is_not_taken_for_seen() -> None:
    panel = FakePanel()
    alarm = make_alarm(panel)
    finding = patch_classified("idc")
    panel.is_broken = True

    with pytest.raises(PanelFailed):
        alarm.act(event_of(finding))

    assert alarm.record.recent_ids == ()
