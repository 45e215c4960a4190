"""Runs the inference service: `idc-inference` or `python -m idc_inference`.

Options of the command line override the environment.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from idc_inference.app import create_app, make_open_engine, open_repository
from idc_inference.engines.stick_worker import kill_workers
from idc_inference.errors import ModelUnavailable
from idc_inference.metrics import Metrics
from idc_inference.models.repository import ModelRepository
from idc_inference.models.served_model import load_model
from idc_inference.scheduling.scheduler import CLOSE_TIMEOUT_S
from idc_inference.settings import InferenceSettings
from idc_inference.threads.process_end import EXIT_DEVICE_LOST, before_end, end_now
from idc_inference.web.uvicorn_server import serve
from idc_modelio.errors import BundleError
from idc_servicekit.startup import start
from idc_servicekit.tracing import traces

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal stops it, or check a bundle; return the exit code."""
    options = _parser().parse_args(arguments)
    before_end(kill_workers)
    bundle: Path | None = options.check
    given = {name: value for name, value in vars(options).items() if value is not None and name != "check"}
    run = _run if bundle is None else partial(_check, bundle=bundle)
    return start("inference", InferenceSettings, run, unavailable=(ModelUnavailable, BundleError), given=given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="idc-inference", description="Serves a model bundle. For research use only.")
    parser.add_argument(
        "--device", help="CPU, GPU, NPU, AUTO, NCS, or any device string of OpenVINO (INFERENCE_DEVICE)"
    )
    parser.add_argument(
        "--device-fallback", help="devices to try next, with commas; none to fail instead (INFERENCE_DEVICE_FALLBACK)"
    )
    parser.add_argument("--version", dest="model_version", help="the only version to serve (INFERENCE_MODEL_VERSION)")
    parser.add_argument(
        "--check",
        type=Path,
        metavar="BUNDLE",
        help="verify a bundle and its self-test on the device, then exit",
    )
    return parser


def _run(settings: InferenceSettings) -> None:
    metrics = Metrics()
    repository = open_repository(settings, metrics, make_open_engine(settings))
    with traces("inference"):
        serve(create_app(settings, repository, metrics, partial(_give_up, repository)), settings)
    if not repository.wait_closed(CLOSE_TIMEOUT_S):
        logger.error("the device did not close within %g s: exiting without it", CLOSE_TIMEOUT_S)
        end_now(EXIT_DEVICE_LOST)


def _give_up(repository: ModelRepository, reason: str) -> None:
    """End, so that Compose or Kubernetes starts the process again: nothing else ends threads that hang in a driver."""
    logger.critical("%s, and loading the model again did not help: ending with code %d", reason, EXIT_DEVICE_LOST)
    repository.abandon(CLOSE_TIMEOUT_S)
    end_now(EXIT_DEVICE_LOST)


def _check(settings: InferenceSettings, *, bundle: Path) -> None:
    model = load_model(bundle, make_open_engine(settings), Metrics(), precision=settings.precision)
    model.scheduler.close()
    device = model.device.running
    sys.stdout.write(
        f"{bundle}: {model.ref.name} version {model.ref.version} passes its checks and its self-test on {device}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
