"""The two watchdogs: systemd's, and the kernel's device.

`interval_s` is how often to feed one, with room for two missed times.
"""

import contextlib
import fcntl
import logging
import os
import socket
import struct
from math import inf
from pathlib import Path
from typing import Final, TypeAlias

from idc_alarm.errors import WatchdogUnavailable

logger = logging.getLogger(__name__)

_SET_TIMEOUT: Final = 0xC0045706
"""WDIOC_SETTIMEOUT of linux/watchdog.h."""
_MAGIC_CLOSE: Final = b"V"
"""Written last, it tells the kernel that the device is closed on purpose (Documentation/watchdog/watchdog-api.rst)."""


class SystemdWatchdog:
    """Tells systemd that the alarm is ready, runs, and stops (sd_notify(3)); without systemd it does nothing."""

    def __init__(self, address: str | None, timeout_us: str | None = None) -> None:
        """Send nothing yet.

        Args:
            address: systemd's `NOTIFY_SOCKET`; None without systemd.
            timeout_us: systemd's `WATCHDOG_USEC`, in microseconds; None where the unit has no watchdog.
        """
        self._address = None if address is None else address.replace("@", "\0", 1)
        self._is_ready = False
        self.interval_s = inf if timeout_us is None else int(timeout_us) / 3e6

    def feed(self) -> None:
        """Report that the controller is healthy; the first time also that the alarm is ready."""
        self._send(b"WATCHDOG=1" if self._is_ready else b"READY=1\nWATCHDOG=1")
        self._is_ready = True

    def stop(self) -> None:
        self._send(b"STOPPING=1")

    def _send(self, message: bytes) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.settimeout(0.0)  # never wait for systemd
                notify.sendto(message, self._address)
        except OSError as exc:
            # systemd then restarts the alarm, which is what a watchdog is for.
            logger.warning("cannot send %r to systemd: %s", message, exc)


class DeviceWatchdog:
    """A kernel watchdog device, which restarts the machine."""

    def __init__(self, path: Path, timeout_s: int) -> None:
        """Open the device, which starts it.

        Raises:
            WatchdogUnavailable: There is no such device, or it may not be used.
        """
        self.interval_s = timeout_s / 3
        try:
            self._file = os.open(path, os.O_WRONLY)
        except OSError as exc:
            raise WatchdogUnavailable(f"cannot open {str(path)!r}: {exc}; or set ALARM_WATCHDOG__KIND=systemd") from exc
        try:
            fcntl.ioctl(self._file, _SET_TIMEOUT, struct.pack("i", timeout_s))
        except OSError as exc:
            logger.warning("%s keeps its own timeout: %s", path, exc)

    def feed(self) -> None:
        os.write(self._file, b"\0")

    def stop(self) -> None:
        """Close the device so that it does not restart the machine."""
        with contextlib.suppress(OSError):
            os.write(self._file, _MAGIC_CLOSE)
        os.close(self._file)


Watchdog: TypeAlias = SystemdWatchdog | DeviceWatchdog
