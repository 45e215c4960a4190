"""Runs the gateway: `idc-gateway` or `python -m idc_gateway`, with settings from the environment."""

import logging
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError

from idc_gateway.app import build, create_app
from idc_gateway.settings import GatewaySettings
from idc_servicekit.logs import configure_logging
from idc_servicekit.settings import EXIT_CONFIG, EXIT_UNAVAILABLE, describe_invalid

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve until a signal stops it; return the exit code."""
    try:
        settings = GatewaySettings()
    except ValidationError as exc:
        return _end(EXIT_CONFIG, describe_invalid(exc, "GATEWAY_"))
    except SettingsError as exc:
        return _end(EXIT_CONFIG, f"wrong settings: {exc}")
    configure_logging("gateway", settings.log_format, settings.log_level)
    # httpx tells of every request at this level; the access log has them already.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logger.info("starting", extra={"settings": settings.model_dump(mode="json")})
    try:
        gateway = build(settings)
    except (OSError, ValueError) as exc:
        return _end(EXIT_UNAVAILABLE, str(exc))
    uvicorn.run(
        create_app(gateway),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_timeout_s,
    )
    return 0


def _end(code: int, line: str) -> int:
    sys.stderr.write(f"idc-gateway: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
