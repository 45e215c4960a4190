"""Brings a device back that hangs or fails, or ends the process where that does not succeed."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from idc_inference.models.repository import ModelRepository
from idc_inference.threads.daemons import aside

logger = logging.getLogger(__name__)

CHECK_INTERVAL_S: Final = 0.5
MAX_PAUSE_S: Final = 30.0


class DeviceGuard:
    """Loads the model again while its device is in trouble, with growing pauses between two attempts."""

    def __init__(self, repository: ModelRepository, recovery_timeout_s: float, give_up: Callable[[str], None]) -> None:
        """Watch nothing yet.

        Args:
            repository: The served models.
            recovery_timeout_s: How long the device may be in trouble.
            give_up: Called with the reason; ends the process, so that Compose or Kubernetes starts it again.
        """
        self._repository, self._recovery_timeout_s, self._give_up = repository, recovery_timeout_s, give_up
        self._since_s: float | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._next_attempt_s = self._pause_s = 0.0

    async def run(self) -> None:
        """Check the device at intervals until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            reason = self._repository.trouble()
            if reason:
                self._act(reason, time.monotonic())
            else:
                self._since_s = None
                self._next_attempt_s = self._pause_s = 0.0

    def _act(self, reason: str, now_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s > self._recovery_timeout_s:
            self._give_up(reason)
            self._since_s = now_s
        is_attempting = self._attempt is not None and not self._attempt.done()
        if not is_attempting and now_s >= self._next_attempt_s:
            self._attempt = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        """Attempt once, in its own thread: it may hang, too."""
        try:
            await aside("recovery", self._repository.recover)
        except Exception:  # the next attempt may succeed
            logger.exception("the model could not be loaded again")
        self._pause_s = min(max(1.0, 2 * self._pause_s), MAX_PAUSE_S)
        self._next_attempt_s = time.monotonic() + self._pause_s
