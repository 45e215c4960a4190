"""Actions are reported until a listener has them, over restarts, too."""

from pathlib import Path

from idc_alarm.alarm import Alarm
from idc_alarm.controller import AlarmController
from idc_alarm.health import Health
from idc_alarm.journal.file_journal import FileJournal
from idc_alarm.journal.record import MAX_ACTIONS, AlarmRecord
from idc_alarm.journal.unreported import UnreportedActions
from idc_alarm.machine.events import ButtonPressed, Classified, ConnectionChanged
from idc_alarm.machine.rules import Rules
from idc_contracts import AlarmActed, AlarmAction, AlarmMode
from support.alarm_fakes import FakeLink, FakePanel, FakeQueue, FakeWatchdog
from support.alarm_messages import patch_classified

RULES = Rules(test_at_start=False)


def acted(by: str | None = None) -> AlarmActed:
    return AlarmActed(source="alarm", action=AlarmAction.SHOWN, state=AlarmMode.IDLE, by=by)


def started(folder: Path, link: FakeLink) -> tuple[AlarmController, FakePanel]:
    """An alarm with a real journal, after its start."""
    panel, journal = FakePanel(), FileJournal(folder)
    alarm = Alarm(panel, journal.load(), device="alarm", rules=RULES)
    health = Health(folder / "alive", folder / "ready")
    return AlarmController(alarm, panel, journal, link, FakeQueue(), health, FakeWatchdog()), panel


def test_action_of_an_alarm_without_a_listener_is_reported_after_a_restart(tmp_path: Path) -> None:
    deaf = FakeLink()
    deaf.is_listened_to = False
    service, panel = started(tmp_path, deaf)
    service.turn()
    panel.waiting_presses = 1  # it silences the technical alarm: there is no gateway
    service.turn()
    (silenced,) = [acted for acted in deaf.actions if acted.by == "button"]

    link = FakeLink()
    again, _ = started(tmp_path, link)
    again.turn()

    assert [acted.message_id for acted in link.actions if acted.by == "button"] == [silenced.message_id]


def test_action_that_was_reported_is_not_reported_again(tmp_path: Path) -> None:
    service, panel = started(tmp_path, FakeLink())
    panel.waiting_presses = 1
    service.turn()
    panel.waiting_presses = 1
    service.turn()

    (last,) = FileJournal(tmp_path).load().unreported

    assert last.by == "button"  # in the journal before it is reported; the action before it is not there any more


def test_journal_of_an_earlier_version_keeps_its_reports() -> None:
    record = AlarmRecord(unreported=(acted(by="nurse"),))

    earlier = record.model_dump_json().replace('"unreported"', '"untold"')

    assert AlarmRecord.model_validate_json(earlier) == record


def test_actions_without_a_person_are_dropped_first() -> None:
    unreported, of_a_person = UnreportedActions(), acted(by="nurse")
    unreported.add([of_a_person, *(acted() for _ in range(MAX_ACTIONS - 1))])

    newest = [acted(), acted()]
    unreported.add(newest)

    assert len(unreported.actions) == MAX_ACTIONS
    assert unreported.actions[0] == of_a_person
    assert unreported.actions[-2:] == tuple(newest)
    AlarmRecord(unreported=unreported.actions)


def test_oldest_is_dropped_where_all_actions_have_a_person() -> None:
    unreported, actions = UnreportedActions(), [acted(by="nurse") for _ in range(MAX_ACTIONS + 1)]

    unreported.add(actions)

    assert unreported.actions == tuple(actions[1:])


def test_acknowledgement_names_all_that_it_cleared_and_the_note() -> None:
    alarm = Alarm(FakePanel(), AlarmRecord(), device="alarm", rules=RULES)
    alarm.act(ConnectionChanged(is_up=True))
    findings = [patch_classified("idc") for _ in range(3)]
    for finding in findings:
        alarm.act(Classified("site/gateway", finding, is_live=True))

    (report,) = alarm.act(ButtonPressed())

    assert report.cleared == tuple(finding.classification_id for finding in findings)
    assert report.classification_id == findings[-1].classification_id
    assert (report.by, report.acted_on) == ("button", None)


def test_state_names_the_newest_finding_and_how_many_wait() -> None:
    alarm = Alarm(FakePanel(), AlarmRecord(), device="alarm", rules=RULES)
    findings = [patch_classified("idc") for _ in range(70)]
    for finding in findings:
        alarm.act(Classified("site/gateway", finding, is_live=True))

    state = alarm.state

    assert (state.latched_by is not None, state.findings) == (True, 70)
    assert state.latest_finding == findings[-1].classification_id
