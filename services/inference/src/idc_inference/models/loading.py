"""Loads that end in time, whatever the disk, the compiler or the device does."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from idc_inference.engines.engine import Engine
from idc_inference.errors import ModelUnavailable
from idc_inference.models.served_model import ServedModel
from idc_inference.threads.daemons import begin, start_daemon
from idc_modelio.errors import BundleError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


def compile_within(timeout_s: float, compile_on: Callable[[str], Engine]) -> Callable[[str], Engine]:
    """A function that compiles like `compile_on`, and raises ModelUnavailable where a device hangs."""
    return lambda device: _within(
        timeout_s, lambda: compile_on(device), Engine.close, f"device {device!r} did not compile the model"
    )


def load_within(timeout_s: float, load: Callable[[Path], ServedModel]) -> Callable[[Path], ServedModel]:
    """A function that loads like `load`, and raises ModelUnavailable for any failure but a BundleError."""

    def load_in_time(path: Path) -> ServedModel:
        try:
            return _within(timeout_s, lambda: load(path), ServedModel.retire, f"{path} was not loaded")
        except (BundleError, ModelUnavailable):
            raise
        except BaseException as exc:
            logger.exception("loading %s failed", path)
            raise ModelUnavailable(f"{path} could not be loaded: the service's log says why") from exc

    return load_in_time


def _within(timeout_s: float, work: Callable[[], Result], close: Callable[[Result], None], failure: str) -> Result:
    """Run `work` in a thread, which is abandoned if it hangs; a result that comes too late is closed."""

    def discard(late: Future[Result]) -> None:
        if late.exception() is None:
            start_daemon("closer", lambda: close(late.result()))

    future = begin("loader", work)
    try:
        return future.result(timeout_s)
    except TimeoutError as exc:
        future.add_done_callback(discard)
        raise ModelUnavailable(f"{failure} within {timeout_s:g} s: does the disk or the device hang?") from exc
