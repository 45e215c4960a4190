"""Runs the alarm: `idc-alarm` or `python -m idc_alarm`, with settings from the environment."""

import logging
import signal
import sys

from idc_alarm.app import build
from idc_alarm.errors import PanelFailed, PinUnavailable, WatchdogUnavailable
from idc_alarm.event_queue import EventQueue
from idc_alarm.settings import AlarmSettings
from idc_servicekit.startup import start

logger = logging.getLogger(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit code."""
    return start("alarm", AlarmSettings, _run, unavailable=(PinUnavailable, PanelFailed, WatchdogUnavailable))


def _run(settings: AlarmSettings) -> None:
    queue = EventQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: queue.close())
    controller = build(settings, queue)
    if settings.pin_factory == "mock":
        logger.warning("ALARM_PIN_FACTORY is mock: no lamp will light and no buzzer will sound")
    controller.run()


if __name__ == "__main__":
    sys.exit(main())
