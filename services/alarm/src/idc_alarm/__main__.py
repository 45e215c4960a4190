"""Runs the alarm: `idc-alarm` or `python -m idc_alarm`, with settings from the environment."""

import logging
import signal
import sys
from types import FrameType

from pydantic import ValidationError
from pydantic_settings import SettingsError

from idc_alarm.app import build
from idc_alarm.errors import PanelFailed, PinUnavailable
from idc_alarm.settings import AlarmSettings
from idc_servicekit.logs import configure_logging
from idc_servicekit.settings import EXIT_CONFIG, EXIT_UNAVAILABLE, describe_invalid

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
    try:
        settings = AlarmSettings()
    except ValidationError as exc:
        return _end(EXIT_CONFIG, describe_invalid(exc, "ALARM_"))
    except SettingsError as exc:
        return _end(EXIT_CONFIG, f"wrong settings: {exc}")
    configure_logging("alarm", settings.log_format, settings.log_level)
    is_stopping = StopSignal()
    try:
        service = build(settings)
        logger.info("starting as %s of %s", settings.device, settings.site, extra={"pins": str(settings.pins)})
        if settings.pin_factory == "mock":
            logger.warning("ALARM_PIN_FACTORY is mock: no lamp will light and no buzzer will sound")
        service.run(is_stopping)
    except (PinUnavailable, PanelFailed) as exc:
        return _end(EXIT_UNAVAILABLE, str(exc))
    logger.info("stopped")
    return 0


def _end(code: int, line: str) -> int:
    sys.stderr.write(f"idc-alarm: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
