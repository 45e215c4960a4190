"""Brings a device back that hangs or fails, or ends the process where that does not succeed."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from idc_inference.models.repository import ModelRepository
from idc_inference.threads.daemons import aside

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0


class DeviceGuard:
    """Looks at the device; loads the model again where it is in trouble, with growing waits between two tries."""

    def __init__(self, repository: ModelRepository, recovery_timeout_s: float, give_up: Callable[[str], None]) -> None:
        """Take what it watches.

        Args:
            repository: The served models.
            recovery_timeout_s: How long the device may be in trouble.
            give_up: Takes the reason; ends the process, so that whoever runs it starts it again.
        """
        self._repository, self._recovery_timeout_s, self._give_up = repository, recovery_timeout_s, give_up
        self._since_s: float | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._next_try_s = self._wait_s = 0.0

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            reason = self._repository.trouble()
            if reason:
                self._act(reason, time.monotonic())
            else:
                self._since_s = None
                self._next_try_s = self._wait_s = 0.0

    def _act(self, reason: str, now_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s > self._recovery_timeout_s:
            self._give_up(reason)
            self._since_s = now_s
        is_trying = self._attempt is not None and not self._attempt.done()
        if not is_trying and now_s >= self._next_try_s:
            self._attempt = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        """One try, in a thread of its own: it may hang, too."""
        try:
            await aside("recovery", self._repository.recover)
        except Exception:  # the next try may do better
            logger.exception("the model could not be loaded again")
        self._wait_s = min(max(1.0, 2 * self._wait_s), LONGEST_WAIT_S)
        self._next_try_s = time.monotonic() + self._wait_s
