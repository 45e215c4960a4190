"""Whatever the network, the disk or the loop does: each holds up itself alone."""

import gc
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from idc_alarm import app
from idc_alarm.alarm import Alarm
from idc_alarm.controller import AlarmController
from idc_alarm.errors import JournalFailed
from idc_alarm.event_queue import EventQueue
from idc_alarm.health import Health
from idc_alarm.journal.patient_journal import PatientJournal
from idc_alarm.journal.record import AlarmRecord
from idc_alarm.machine.rules import Rules
from idc_alarm.panel.gpio_panel import GpioPanel
from idc_alarm.panel.pins import PinSettings
from idc_alarm.settings import AlarmSettings
from idc_servicekit.mqtt import MqttSettings
from support.alarm_fakes import FakeLink, FakePanel, FakeWatchdog, MemoryJournal
from support.eventually import wait_until


class StuckJournal(MemoryJournal):
    """A disk that does not answer until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()

    def load(self) -> AlarmRecord:
        self.release.wait(60)
        return super().load()

    def save(self, record: AlarmRecord) -> None:
        self.release.wait(60)
        super().save(record)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def _settings(folder: Path, broker: str, port: int) -> AlarmSettings:
    (folder / "secret").write_text("secret")
    return AlarmSettings.model_validate(
        {
            "pin_factory": "mock",
            "state_dir": folder,
            "alive_file": folder / "alive",
            "ready_file": folder / "ready",
            "rules": {"test_at_start": False},
            "mqtt": {
                "host": broker,
                "port": port,
                "username": "alarm",
                "password_file": folder / "secret",
                "ca_file": folder / "secret",
            },
        }
    )


def _blocked(entered: threading.Event, release: threading.Event) -> Callable[..., Any]:
    def block(*_given: Any, **_named: Any) -> Any:
        entered.set()
        release.wait(60)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    return block


def test_name_server_that_hangs_holds_up_neither_button_nor_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: threading.Event
) -> None:
    entered, watchdog = threading.Event(), FakeWatchdog(interval_s=0.05)
    factory = MockFactory(pin_class=MockPWMPin)
    panel = GpioPanel(PinSettings(debounce_s=0.0), factory)
    monkeypatch.setattr(MqttSettings, "tls_context", lambda _self: ssl.create_default_context())
    monkeypatch.setattr(socket, "getaddrinfo", _blocked(entered, release))
    monkeypatch.setattr(app, "_watchdog", lambda _settings: watchdog)
    queue = EventQueue()
    alarm = threading.Thread(target=app.build(_settings(tmp_path, "broker.example", 8883), queue, panel).run)

    alarm.start()
    wait_until(entered.is_set, "the alarm asks for the broker's address")
    feeds = watchdog.feeds
    wait_until(lambda: watchdog.feeds >= feeds + 3, "the watchdog is fed while the name server hangs")
    factory.pin(24).drive_low()
    wait_until(lambda: "silenced" in (tmp_path / "alarm.json").read_text(), "the button silences the trouble")

    assert not release.is_set()
    release.set()
    queue.close()
    alarm.join(20)
    assert not alarm.is_alive()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves a failed handshake's socket behind
def test_broker_that_takes_the_connection_and_says_nothing_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, watchdog = EventQueue(), FakeWatchdog(interval_s=0.05)
    monkeypatch.setattr(MqttSettings, "tls_context", lambda _self: ssl.create_default_context())
    monkeypatch.setattr(app, "_watchdog", lambda _settings: watchdog)
    with socket.create_server(("127.0.0.1", 0)) as hole:
        alarm = app.build(_settings(tmp_path, "127.0.0.1", hole.getsockname()[1]), queue, FakePanel())
        alarm.turn()
        hole.settimeout(20)
        connection, _ = hole.accept()
        assert connection.recv(1)  # the handshake began, and nobody answers it

        connection.settimeout(0.0)
        for _ in range(3):
            alarm.turn()
        is_still_waiting = _is_open(connection)

        connection.close()
        queue.close()
        alarm.run()
    wait_until(lambda: "paho" not in str(threading.enumerate()), "the attempt is over")
    gc.collect()
    assert watchdog.feeds == 4
    assert is_still_waiting  # the alarm did three turns, and this one attempt goes on


def _is_open(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return True
    return False


def test_disk_that_hangs_is_a_failed_journal_until_it_answers() -> None:
    slow = StuckJournal()
    journal = PatientJournal(slow, patience_s=0.05)

    for _ in range(3):
        with pytest.raises(JournalFailed, match="disk"):
            journal.save(AlarmRecord())
    slow.release.set()
    wait_until(lambda: slow.saves == 1, "the disk answers")
    record = AlarmRecord()
    wait_until(lambda: _is_saved(journal, record), "the journal works again")

    assert journal.load() == record


def test_alarm_starts_latched_where_the_disk_does_not_answer_and_writes_when_it_does_again() -> None:
    stuck = StuckJournal()
    journal = PatientJournal(stuck, load_patience_s=0.05)

    record = journal.load()

    assert record.condition.latched
    assert not _is_saved(journal, record)
    stuck.release.set()
    wait_until(lambda: _is_saved(journal, record), "the disk answers again")
    assert stuck.load() == record


def _is_saved(journal: PatientJournal, record: AlarmRecord) -> bool:
    try:
        journal.save(record)
    except JournalFailed:
        return False
    return True


def test_failure_of_the_journal_is_passed_on() -> None:
    full = MemoryJournal()
    full.is_full = True

    with pytest.raises(JournalFailed, match="set to fail"):
        PatientJournal(full).save(AlarmRecord())


def test_watchdog_goes_hungry_when_the_loop_itself_hangs(tmp_path: Path, release: threading.Event) -> None:
    class HangingPanel(FakePanel):
        def keep_alive(self) -> None:
            if self.history:
                release.wait(60)

    watchdog, panel = FakeWatchdog(), HangingPanel()
    queue = EventQueue()
    alarm = Alarm(panel, AlarmRecord(), device="alarm", rules=Rules(test_at_start=False))
    health = Health(tmp_path / "alive", tmp_path / "ready")
    controller = AlarmController(alarm, panel, MemoryJournal(), FakeLink(), queue, health, watchdog)
    loop = threading.Thread(target=controller.run, daemon=True)

    loop.start()
    wait_until(lambda: bool(panel.history), "the panel shows something")

    assert watchdog.feeds == 0
    queue.close()
    release.set()
    loop.join(20)
