"""Whatever the network, the disk or the loop does: each holds up itself alone."""

import gc
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from idc_alarm import app
from idc_alarm.alarm import Alarm
from idc_alarm.controller import AlarmController
from idc_alarm.errors import JournalFailed
from idc_alarm.health import Health
from idc_alarm.journal.patient_journal import PatientJournal
from idc_alarm.journal.record import AlarmRecord
from idc_alarm.link.inbox import Delivery
from idc_alarm.link.link_thread import LinkThread
from idc_alarm.link.wake_pipe import WakePipe
from idc_alarm.machine.rules import Rules
from idc_alarm.panel.gpio_panel import GpioPanel
from idc_alarm.panel.pins import PinSettings
from idc_alarm.settings import AlarmSettings
from idc_servicekit.mqtt import MqttSettings
from support.alarm_fakes import FakeLink, FakePanel, FakeWatchdog, MemoryJournal
from support.alarm_process import wait_until


class StuckLink(FakeLink):
    """A link whose turn hangs until it is let go on."""

    def __init__(self, *batches: Sequence[Delivery]) -> None:
        super().__init__(*batches)
        self.entered, self.release = threading.Event(), threading.Event()

    def turn(self, timeout_s: float) -> Sequence[Delivery]:
        while not self.release.wait(0.005):
            self.entered.set()
        return super().turn(timeout_s)


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
    entered, watchdog = threading.Event(), FakeWatchdog()
    factory = MockFactory(pin_class=MockPWMPin)
    panel = GpioPanel(PinSettings(debounce_s=0.0), factory)
    monkeypatch.setattr(MqttSettings, "tls_context", lambda _self: ssl.create_default_context())
    monkeypatch.setattr(socket, "getaddrinfo", _blocked(entered, release))
    monkeypatch.setattr(app, "_watchdog", lambda _settings: watchdog)
    service = app.build(_settings(tmp_path, "broker.example", 8883), panel)
    ended = threading.Event()
    alarm = threading.Thread(target=service.run, args=(ended.is_set,))

    alarm.start()
    wait_until(entered.is_set, "the alarm asks for the broker's address")
    feeds = watchdog.feeds
    wait_until(lambda: watchdog.feeds >= feeds + 3, "the watchdog is fed while the name server hangs")
    factory.pin(24).drive_low()
    wait_until(lambda: "silenced" in (tmp_path / "alarm.json").read_text(), "the button silences the trouble")

    assert not release.is_set()
    release.set()
    ended.set()
    alarm.join(20)
    assert not alarm.is_alive()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves a failed handshake's socket behind
def test_broker_that_takes_the_connection_and_says_nothing_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchdog = FakeWatchdog()
    monkeypatch.setattr(MqttSettings, "tls_context", lambda _self: ssl.create_default_context())
    monkeypatch.setattr(app, "_watchdog", lambda _settings: watchdog)
    with socket.create_server(("127.0.0.1", 0)) as hole:
        service = app.build(_settings(tmp_path, "127.0.0.1", hole.getsockname()[1]), FakePanel())
        service.turn()
        hole.settimeout(20)
        connection, _ = hole.accept()
        assert connection.recv(1)  # the handshake began, and nobody answers it

        connection.settimeout(0.0)
        for _ in range(3):
            service.turn()
        is_still_waiting = _is_open(connection)

        connection.close()
        service.run(lambda: True)
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


def _threaded(link: FakeLink, **options: Any) -> LinkThread:
    return LinkThread(link, wake_loop=WakePipe(), wake_link=WakePipe(), **options)


def test_what_arrives_is_handed_over_and_acknowledged_on_the_link() -> None:
    link = FakeLink([Delivery("a", b"1", 7)], [Delivery("b", b"2", 8)])
    threaded = _threaded(link)
    arrived: list[Delivery] = []

    wait_until(lambda: bool(arrived.extend(threaded.turn(0.05))) or len(arrived) == 2, "both arrived")
    threaded.acknowledge(arrived)
    wait_until(lambda: link.acknowledged == [7, 8], "both are acknowledged")

    assert threaded.is_ready
    threaded.close()
    assert link.is_closed


def test_link_that_hangs_is_not_ready() -> None:
    now = [0.0]
    link = StuckLink()
    threaded = _threaded(link, clock=lambda: now[0])
    link.release.set()
    wait_until(lambda: not threaded.turn(0.01) and threaded.is_ready, "the link is ready")

    link.entered.clear()
    link.release.clear()
    wait_until(link.entered.is_set, "the link hangs")
    now[0] += 31.0

    assert not threaded.is_ready
    link.release.set()
    threaded.close()


def test_link_leaves_the_broker_for_a_loop_that_hangs_and_comes_back_with_it() -> None:
    now = [0.0]
    link = FakeLink()
    threaded = _threaded(link, clock=lambda: now[0])
    wait_until(lambda: not threaded.turn(0.01) and threaded.is_ready, "the link is ready")

    now[0] += 31.0
    wait_until(lambda: link.drops == 1, "the link left the broker")
    was_ready = threaded.is_ready

    assert not was_ready
    wait_until(lambda: not threaded.turn(0.01) and threaded.is_ready, "the link is ready again")
    threaded.close()


def test_dropped_link_stays_away_until_the_next_turn() -> None:
    link = FakeLink()
    threaded = _threaded(link)
    wait_until(lambda: not threaded.turn(0.01) and threaded.is_ready, "the link is ready")

    threaded.drop()
    wait_until(lambda: link.drops == 1, "the link is dropped")

    assert not threaded.is_ready
    assert not link.is_ready
    threaded.close()


def test_error_of_the_link_ends_the_loop() -> None:
    class BrokenLink(FakeLink):
        def turn(self, timeout_s: float) -> Sequence[Delivery]:
            raise MemoryError(f"no room for {timeout_s}")

    threaded = _threaded(BrokenLink())

    with pytest.raises(MemoryError):
        for _ in range(1000):
            threaded.turn(0.05)


def test_stop_leaves_a_link_that_hangs_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idc_alarm.link.link_thread.CLOSE_TIMEOUT_S", 0.05)
    link = StuckLink()
    threaded = _threaded(link)
    threaded.turn(0.0)
    wait_until(link.entered.is_set, "the link hangs")

    threaded.close()

    assert not link.is_closed
    link.release.set()


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
    service = _service(tmp_path, panel, watchdog)
    loop = threading.Thread(target=service.run, args=(release.is_set,), daemon=True)

    loop.start()
    wait_until(lambda: bool(panel.history), "the panel shows something")

    assert watchdog.feeds == 0
    release.set()
    loop.join(20)


def _service(folder: Path, panel: FakePanel, watchdog: FakeWatchdog) -> AlarmController:
    alarm = Alarm(panel, AlarmRecord(), device="alarm", rules=Rules(test_at_start=False))
    return AlarmController(
        alarm, panel, MemoryJournal(), FakeLink(), Health(folder / "alive", folder / "ready"), watchdog
    )
