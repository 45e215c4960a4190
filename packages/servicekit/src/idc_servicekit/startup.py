"""Starts a service: settings, logs, run; or one line on why it cannot."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsError

from idc_servicekit.logs import configure_logging
from idc_servicekit.settings import (
    EXIT_CONFIG,
    EXIT_UNAVAILABLE,
    ServiceSettings,
    describe_invalid,
    describe_unknown,
    describe_unreadable,
)

logger = logging.getLogger(__name__)

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def start(
    name: str,
    settings_type: type[SettingsT],
    run: Callable[[SettingsT], None],
    unavailable: tuple[type[Exception], ...],
    given: Mapping[str, Any] | None = None,
) -> int:
    """Read the settings from the environment, set up logging and run the service.

    Args:
        name: The service's name; its program is `idc-<name>`.
        settings_type: The settings to read.
        run: Serves until a signal stops it.
        unavailable: What `run` raises when something that the service needs is missing.
        given: Settings that override the environment's, such as the command line's.

    Returns:
        The exit code: 0, 78 for wrong settings, 69 for something missing; one line on standard error says what.
    """
    prefix = str(settings_type.model_config["env_prefix"])
    if unknown := describe_unknown(settings_type, os.environ):
        return _end(name, EXIT_CONFIG, unknown)
    try:
        settings = settings_type(**(given or {}))
    except ValidationError as exc:
        return _end(name, EXIT_CONFIG, describe_invalid(exc, prefix, settings_type))
    except SettingsError as exc:
        return _end(name, EXIT_CONFIG, describe_unreadable(exc, prefix, os.environ))
    configure_logging(name, settings.log_format, settings.log_level)
    logger.info("starting", extra={"settings": settings.model_dump(mode="json")})
    try:
        run(settings)
    except unavailable as exc:
        return _end(name, EXIT_UNAVAILABLE, str(exc))
    logger.info("stopped")
    return 0


def _end(name: str, code: int, line: str) -> int:
    sys.stderr.write(f"idc-{name}: {line}\n")
    return code
