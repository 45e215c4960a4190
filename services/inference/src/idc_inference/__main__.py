"""Runs the inference service: `idc-inference` or `python -m idc_inference`, with settings from the environment."""

import logging
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError

from idc_inference.app import create_app, load_model
from idc_inference.errors import ModelUnavailable
from idc_inference.settings import InferenceSettings
from idc_servicekit.logs import configure_logging
from idc_servicekit.settings import EXIT_CONFIG, EXIT_UNAVAILABLE, describe_invalid

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve until a signal stops it; return the exit code."""
    try:
        settings = InferenceSettings()
    except ValidationError as exc:
        return _end(EXIT_CONFIG, describe_invalid(exc, "INFERENCE_"))
    except SettingsError as exc:
        return _end(EXIT_CONFIG, f"wrong settings: {exc}")
    configure_logging("inference", settings.log_format, settings.log_level)
    logger.info("starting", extra={"settings": settings.model_dump(mode="json")})
    try:
        model = load_model(settings)
    except ModelUnavailable as exc:
        return _end(EXIT_UNAVAILABLE, str(exc))
    uvicorn.run(
        create_app(settings, model),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_timeout_s,
    )
    return 0


def _end(code: int, line: str) -> int:
    sys.stderr.write(f"idc-inference: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
