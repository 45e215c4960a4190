import socket
from pathlib import Path

import pytest

from idc_alarm.errors import WatchdogUnavailable
from idc_alarm.watchdogs import DeviceWatchdog, SystemdWatchdog


def test_systemd_is_notified_of_readiness_turns_and_stop(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(5)
        watchdog = SystemdWatchdog(address)

        watchdog.feed()
        watchdog.feed()
        watchdog.stop()

        assert [systemd.recv(100) for _ in range(3)] == [b"READY=1\nWATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_systemd_that_does_not_listen_is_logged_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    SystemdWatchdog(str(tmp_path / "nobody")).feed()

    assert "cannot send" in caplog.text


def test_alarm_that_systemd_did_not_start_notifies_no_one(caplog: pytest.LogCaptureFixture) -> None:
    watchdog = SystemdWatchdog(None)

    watchdog.feed()
    watchdog.stop()

    assert caplog.text == ""


def test_device_is_fed_and_closed_with_the_magic_letter(tmp_path: Path) -> None:
    device = tmp_path / "watchdog"
    device.touch()
    watchdog = DeviceWatchdog(device, timeout_s=15)

    watchdog.feed()
    watchdog.feed()
    watchdog.stop()

    assert device.read_bytes() == b"\0\0V"


def test_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WatchdogUnavailable, match="missing"):
        DeviceWatchdog(tmp_path / "missing", timeout_s=15)


def test_watchdog_is_fed_three_times_in_its_timeout(tmp_path: Path) -> None:
    (tmp_path / "watchdog").touch()

    assert DeviceWatchdog(tmp_path / "watchdog", timeout_s=15).interval_s == 5.0
    assert SystemdWatchdog(None, timeout_us="30000000").interval_s == 10.0
