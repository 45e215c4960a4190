"""Runs the inference service: `idc-inference` or `python -m idc_inference`, with settings from the environment."""

import sys

import uvicorn

from idc_inference.app import create_app, load_model
from idc_inference.errors import ModelUnavailable
from idc_inference.settings import InferenceSettings
from idc_servicekit.startup import start


def main() -> int:
    """Serve until a signal stops it; return the exit code."""
    return start("inference", InferenceSettings, _run, unavailable=(ModelUnavailable,))


def _run(settings: InferenceSettings) -> None:
    uvicorn.run(
        create_app(settings, load_model(settings)),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_timeout_s,
    )


if __name__ == "__main__":
    sys.exit(main())
