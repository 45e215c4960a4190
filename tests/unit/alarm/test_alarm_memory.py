"""The alarm itself: each event once, over restarts too."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from idc_alarm.alarm import Alarm
from idc_alarm.errors import PanelFailed
from idc_alarm.fakes import FakePanel
from idc_alarm.policy import Condition
from idc_alarm.record import REMEMBERED_IDS, AlarmRecord
from idc_contracts import AlarmState, Decision, Lamps
from support.alarm_messages import acknowledge, patch_classified

NINE = datetime(2026, 1, 2, 9, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NINE

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def make_alarm(panel: FakePanel, record: AlarmRecord | None = None) -> Alarm:
    return Alarm(panel, record or AlarmRecord(changed_at=NINE), device="pi-1", clock=Clock())


def test_event_seen_twice_is_one_event() -> None:
    panel = FakePanel()
    alarm = make_alarm(panel)
    finding, button = patch_classified("idc"), acknowledge()

    answers = [alarm.act(event) for event in (finding, button, finding)]

    assert answers == [True, True, False]
    assert panel.lamps == Lamps()


def test_late_copy_of_an_acknowledgement_does_not_silence_a_newer_finding() -> None:
    panel = FakePanel()
    alarm = make_alarm(panel)
    button = acknowledge()

    for event in (patch_classified("idc"), button, patch_classified("idc"), button):
        alarm.act(event)

    assert panel.lamps.red
    assert panel.buzzer


def test_event_seen_before_a_restart_is_ignored_after_it() -> None:
    alarm = make_alarm(FakePanel())
    finding = patch_classified("idc")
    alarm.act(finding)
    alarm.act(acknowledge())
    record = AlarmRecord.model_validate_json(alarm.record.model_dump_json())
    panel = FakePanel()

    restarted = make_alarm(panel, record)
    restarted.show()

    assert restarted.act(finding) is False
    assert panel.lamps == Lamps()


def test_memory_of_seen_events_is_bounded_and_forgets_the_oldest() -> None:
    alarm = make_alarm(FakePanel())
    events = [patch_classified("no_idc") for _ in range(REMEMBERED_IDS + 5)]

    for event in events:
        alarm.act(event)

    assert alarm.record.recent_ids == tuple(event.message_id for event in events[5:])


def test_latched_record_drives_the_panel_at_start() -> None:
    panel = FakePanel()
    finding = uuid4()

    make_alarm(panel, AlarmRecord(condition=Condition(latched=True, latched_by=finding, latest=Decision.IDC))).show()

    assert panel.history == [(Lamps(red=True), True)]


def test_state_tells_what_is_lit_and_why() -> None:
    alarm = make_alarm(FakePanel())
    finding = patch_classified("idc", correlation_id="request-7")
    later = patch_classified("uncertain", correlation_id="request-8")
    for event in (finding, later):
        alarm.act(event)
    alarm.count_rejected()

    state = AlarmState.from_payload(alarm.state.to_payload())

    assert state.source == "pi-1"
    assert state.lamps == Lamps(red=True, amber=True)
    assert state.buzzer
    assert state.latched_by == finding.classification_id
    assert state.last_classification == later.classification_id
    assert state.correlation_id == "request-8"
    assert state.rejected_messages == 1


def test_time_of_change_stands_while_the_outputs_stay_the_same() -> None:
    alarm = make_alarm(FakePanel())
    alarm.act(patch_classified("idc"))
    changed_at = alarm.state.changed_at

    alarm.act(patch_classified("idc"))

    assert alarm.state.changed_at == changed_at > NINE


def test_time_of_change_is_the_start_where_blue_is_not_lit_again() -> None:
    record = AlarmRecord(condition=Condition(latest=Decision.NO_IDC), changed_at=NINE)

    assert make_alarm(FakePanel(), record).state.changed_at > NINE


def test_event_that_could_not_be_shown_is_not_taken_for_seen() -> None:
    panel = FakePanel()
    alarm = make_alarm(panel)
    finding = patch_classified("idc")
    panel.is_broken = True

    with pytest.raises(PanelFailed):
        alarm.act(finding)

    assert alarm.record.recent_ids == ()
