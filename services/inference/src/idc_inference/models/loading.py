"""Loads that end in time, whatever the disk, the compiler or the device does."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from idc_inference.engines.engine import Engine
from idc_inference.errors import ModelUnavailable
from idc_inference.models.served_model import ServedModel
from idc_inference.threads.daemons import begin, start_daemon
from idc_modelio.errors import BundleError

logger = logging.getLogger(__name__)


def compile_within(timeout_s: float, compile_on: Callable[[str], Engine]) -> Callable[[str], Engine]:
    """A function that compiles like `compile_on`, and raises ModelUnavailable where a device hangs."""

    def compile_in_time(device: str) -> Engine:
        engine = begin("compiler", lambda: compile_on(device))
        try:
            return engine.result(timeout_s)
        except TimeoutError as exc:
            engine.add_done_callback(_close_engine)
            raise ModelUnavailable(f"device {device!r} did not compile the model within {timeout_s:g} s") from exc

    return compile_in_time


def load_within(timeout_s: float, load: Callable[[Path], ServedModel]) -> Callable[[Path], ServedModel]:
    """A function that loads like `load`, and raises ModelUnavailable for any failure but a BundleError.

    A load that hangs keeps its thread; its model is closed when it ends after all.
    """

    def load_in_time(path: Path) -> ServedModel:
        model = begin("load", lambda: load(path))
        try:
            return model.result(timeout_s)
        except (BundleError, ModelUnavailable):
            raise
        except TimeoutError as exc:
            model.add_done_callback(_retire)
            raise ModelUnavailable(f"{path} was not loaded within {timeout_s:g} s: does its disk answer?") from exc
        except BaseException as exc:
            logger.exception("loading %s failed", path)
            raise ModelUnavailable(f"{path} could not be loaded: the service's log says why") from exc

    return load_in_time


def _close_engine(future: Future[Engine]) -> None:
    if future.exception() is None:
        start_daemon("engine-closer", future.result().close)


def _retire(future: Future[ServedModel]) -> None:
    if future.exception() is None:
        future.result().retire()
