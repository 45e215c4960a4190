"""Runs the alarm: `idc-alarm` or `python -m idc_alarm`, with settings from the environment."""

import logging
import signal
import sys
from types import FrameType

from idc_alarm.app import build
from idc_alarm.errors import PanelFailed, PinUnavailable, WatchdogUnavailable
from idc_alarm.settings import AlarmSettings
from idc_servicekit.startup import start

logger = logging.getLogger(__name__)


class StopSignal:
    """Remembers that SIGTERM or SIGINT came; the loop asks once a turn."""

    def __init__(self) -> None:
        self._came = False
        signal.signal(signal.SIGTERM, self._remember)
        signal.signal(signal.SIGINT, self._remember)

    def __call__(self) -> bool:
        """Whether one of the signals came."""
        return self._came

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True


def main() -> int:
    """Run until a signal stops it; return the exit code."""
    return start("alarm", AlarmSettings, _run, unavailable=(PinUnavailable, PanelFailed, WatchdogUnavailable))


def _run(settings: AlarmSettings) -> None:
    is_stopping = StopSignal()
    service = build(settings)
    if settings.pin_factory == "mock":
        logger.warning("ALARM_PIN_FACTORY is mock: no lamp will light and no buzzer will sound")
    service.run(is_stopping)


if __name__ == "__main__":
    sys.exit(main())
