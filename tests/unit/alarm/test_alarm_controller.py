"""The controller's order: shown, journalled, reported, acknowledged."""

import itertools
import time
from pathlib import Path
from uuid import uuid4

import pytest

from idc_alarm.alarm import Alarm
from idc_alarm.controller import JOURNAL_RETRY_S, AlarmController
from idc_alarm.errors import PanelFailed
from idc_alarm.health import Health
from idc_alarm.journal.record import AlarmRecord
from idc_alarm.link.inbox import Delivery
from idc_alarm.machine.condition import Condition
from idc_alarm.machine.rules import Rules
from idc_contracts import ALARM_ACKNOWLEDGEMENTS, CLASSIFICATIONS, GATEWAY_STATUS, Lamps, ServiceStatus
from idc_contracts.base import Message
from support.alarm_fakes import FakeLink, FakePanel, FakeQueue, FakeWatchdog, MemoryJournal
from support.alarm_messages import acknowledge, patch_classified


def delivery(message: Message | bytes, packet_id: int = 1) -> Delivery:
    rows = {"AcknowledgeAlarm": ALARM_ACKNOWLEDGEMENTS, "ServiceStatus": GATEWAY_STATUS}
    topic = rows.get(type(message).__name__, CLASSIFICATIONS).at(site="site", device="any")
    return Delivery(topic, message if isinstance(message, bytes) else message.to_payload(), packet_id)


class Rig:
    """A whole service on fakes."""

    def __init__(self, folder: Path, *batches: list[Delivery], record: AlarmRecord | None = None) -> None:
        self.panel = FakePanel()
        self.journal = MemoryJournal(record)
        self.link = FakeLink([delivery(ServiceStatus(source="any", status="online", version="1"), 0)], *batches)
        self.alive, self.ready = folder / "alive", folder / "ready"
        self.queue = FakeQueue()
        self.watchdog = FakeWatchdog()
        self.service = AlarmController(
            Alarm(self.panel, self.journal.load(), device="alarm", rules=Rules(test_at_start=False)),
            self.panel,
            self.journal,
            self.link,
            self.queue,
            Health(self.alive, self.ready),
            self.watchdog,
        )
        self.link.is_ready = False

    def meet_gateway(self) -> "Rig":
        """Connect and hear that the gateway is there."""
        self.turn()
        self.link.acknowledged.clear()
        self.link.reports.clear()
        self.link.actions.clear()
        self.panel.history.clear()
        return self

    def run(self, turns: int) -> None:
        self.queue.last_turn = turns
        self.service.run()

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.service.turn()


def test_finding_is_shown_saved_acknowledged_and_reported(tmp_path: Path) -> None:
    finding = patch_classified("idc")
    rig = Rig(tmp_path, [delivery(finding, 7)]).meet_gateway()

    rig.turn()

    assert rig.panel.lamps == Lamps(red=True)
    assert rig.journal.record.condition.latched_by == finding.classification_id
    assert rig.link.acknowledged == [7]
    assert [state.latched_by for state in rig.link.reports] == [finding.classification_id]


def test_burst_is_shown_one_by_one_and_saved_at_once(tmp_path: Path) -> None:
    events = [patch_classified("no_idc"), patch_classified("idc"), acknowledge(), patch_classified("uncertain")]
    rig = Rig(tmp_path, [], [delivery(event, number) for number, event in enumerate(events, 1)]).meet_gateway()
    rig.turn()
    saves = rig.journal.saves
    rig.panel.history.clear()

    rig.turn()

    assert [signals.lamps for signals, _ in itertools.groupby(rig.panel.history)] == [
        Lamps(blue=True),
        Lamps(red=True),
        Lamps(),
        Lamps(amber=True),
    ]
    assert rig.journal.saves == saves + 1
    assert rig.link.acknowledged == [1, 2, 3, 4]
    assert len(rig.journal.record.recent_ids) == 4


def test_duplicate_is_acknowledged_but_neither_shown_nor_saved(tmp_path: Path) -> None:
    finding, button = patch_classified("idc"), acknowledge()
    rig = Rig(tmp_path, [delivery(finding, 1), delivery(button, 2)], [delivery(finding, 3)]).meet_gateway()
    rig.turn()
    saves, shown, reports = rig.journal.saves, rig.panel.signals, len(rig.link.reports)

    rig.turn()

    assert rig.link.acknowledged == [1, 2, 3]
    assert (rig.journal.saves, rig.panel.signals, len(rig.link.reports)) == (saves, shown, reports)


def test_poison_message_is_logged_counted_acknowledged_and_passed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path, [delivery(b"poison", 1), delivery(patch_classified("idc"), 2)]).meet_gateway()

    rig.turn()

    assert rig.panel.lamps.red
    assert rig.link.acknowledged == [1, 2]
    assert rig.link.reports[-1].rejected_messages == 1
    (line,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert "6 bytes" in line
    assert "idc/v1/site/any/classifications" in line
    assert "poison" not in line


def test_full_disk_still_shows_but_acknowledges_nothing_and_goes_offline(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path, [], [delivery(patch_classified("idc"), 1)]).meet_gateway()
    rig.turn()
    rig.journal.is_full = True

    rig.turn(3)

    assert rig.panel.lamps.red
    assert rig.link.acknowledged == []
    assert rig.link.drops >= 1
    assert not rig.ready.exists()
    assert rig.alive.exists()
    assert rig.queue.waits_s[-1] == JOURNAL_RETRY_S
    assert len([entry for entry in caplog.records if entry.levelname == "ERROR"]) == 1


def test_after_a_full_disk_the_message_that_comes_again_is_acknowledged(tmp_path: Path) -> None:
    finding = delivery(patch_classified("idc"), 1)
    rig = Rig(tmp_path, [], [finding], [finding]).meet_gateway()
    rig.turn()
    rig.journal.is_full = True
    rig.turn(2)

    rig.journal.is_full = False
    rig.turn()

    assert rig.link.acknowledged == [1]
    assert rig.journal.record.condition.latched
    assert rig.ready.exists()


def test_broker_is_not_reached_before_the_journal_proved_writable(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("idc"))])
    rig.journal.is_full = True

    rig.turn(2)

    assert len(rig.link.batches) == 2


def test_restored_finding_is_shown_and_reported_before_the_first_turn(tmp_path: Path) -> None:
    finding = uuid4()
    rig = Rig(tmp_path, record=AlarmRecord(condition=Condition(latched=True, latched_by=finding)))

    rig.queue.close()
    rig.service.run()

    assert (rig.panel.history[0].lamps, rig.panel.history[0].is_buzzing) == (Lamps(red=True, amber=True), True)
    assert rig.link.reports[0].latched_by == finding


def test_clean_stop_says_goodbye_and_leaves_everything_dark(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("idc"))])

    rig.run(turns=2)

    assert rig.link.is_closed
    assert rig.panel.is_closed
    assert rig.panel.lamps == Lamps()
    assert not rig.alive.exists()
    assert not rig.ready.exists()
    assert rig.journal.record.condition.latched


def test_broken_panel_ends_the_service_without_an_acknowledgement_and_feeds_no_watchdog(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("idc"))])
    rig.queue.put(setattr, rig.panel, "is_broken", True)

    with pytest.raises(PanelFailed):
        rig.service.run()

    assert rig.link.acknowledged == []
    assert not rig.link.is_closed
    assert rig.watchdog.feeds == 0
    assert not rig.watchdog.is_stopped


def test_heartbeat_that_cannot_be_written_does_not_stop_the_alarm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path / "missing", [], [], [delivery(patch_classified("idc"))])

    rig.turn(4)

    assert rig.panel.lamps.red
    assert len([entry for entry in caplog.records if entry.levelname == "ERROR"]) == 1


def test_lost_broker_puts_blue_out_and_amber_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("no_idc"))]).meet_gateway()
    rig.turn()
    before = rig.panel.lamps
    rig.link.is_reachable = False

    rig.turn()

    assert before == Lamps(blue=True)
    assert rig.panel.lamps == Lamps(amber=True)
    assert rig.link.actions[-1].technical == ("broker_lost",)


def test_button_acknowledges_a_finding_and_that_is_written_down(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("idc"))]).meet_gateway()
    rig.turn()
    rig.panel.waiting_presses = 1

    rig.turn(2)

    assert rig.panel.lamps == Lamps()
    assert not rig.journal.record.condition.latched
    assert rig.link.actions[-1].by == "button"


def test_watchdog_is_fed_with_each_healthy_turn_and_notified_of_a_stop(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    rig.run(turns=2)

    assert rig.watchdog.feeds == 2
    assert rig.watchdog.is_stopped


@pytest.mark.parametrize(("watchdog_s", "link_s", "wait_s"), [(2.0, 60.0, 2.0), (60.0, 0.3, 0.3), (60.0, 60.0, 5.0)])
def test_controller_sleeps_until_something_is_due(
    tmp_path: Path, watchdog_s: float, link_s: float, wait_s: float
) -> None:
    rig = Rig(tmp_path).meet_gateway()
    rig.watchdog.interval_s, rig.link.wait_s = watchdog_s, link_s

    rig.turn()

    assert rig.queue.waits_s[-1] == wait_s


def test_press_that_comes_with_a_finding_does_not_clear_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("idc"))]).meet_gateway()
    rig.panel.waiting_presses = 1

    rig.turn()

    assert rig.panel.lamps.red
    assert rig.panel.buzzer


def test_press_during_a_turn_clears_nothing_that_came_after_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, [delivery(patch_classified("idc"))], [delivery(patch_classified("idc"), 2)]).meet_gateway()
    rig.turn()
    pressed_s = time.monotonic()
    rig.turn()  # the second finding sounds before the loop hears of the press
    rig.panel.presses = lambda: [pressed_s]  # type: ignore[method-assign]

    rig.turn()

    assert rig.panel.lamps.red
    assert len(rig.journal.record.condition.findings) == 1
