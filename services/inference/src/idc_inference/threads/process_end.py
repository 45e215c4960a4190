"""Ends the process although threads hang in a driver."""

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

EXIT_DEVICE_LOST: Final = 70
"""EX_SOFTWARE: start the service again."""


_steps: Final[list[Callable[[], None]]] = []


def before_end(step: Callable[[], None]) -> None:
    """Run `step` when the process ends in any way: for what would outlive it."""
    _steps.append(step)
    atexit.register(step)


def end_now(code: int) -> None:
    """End without waiting for threads; the log is flushed."""
    for step in _steps:
        step()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def end_within(timeout_s: float) -> None:
    """End the process in time, whatever hangs."""

    def wait() -> None:
        time.sleep(timeout_s)
        logger.error("the service did not end within %g s after the signal: something hangs; ending now", timeout_s)
        end_now(EXIT_DEVICE_LOST)

    threading.Thread(target=wait, name="end-guard", daemon=True).start()
