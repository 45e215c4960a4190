"""How many messages wait for the broker, and the limits on that."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import OutboxFull, StoreUnavailable
from idc_gateway.messages.outbox_store import OutboxStore

logger = logging.getLogger(__name__)

IDLE_S: Final = 5.0
"""Longest pause while nothing waits and nothing comes: another gateway may have stored a message."""
EXPIRED: Final = "messages.expired"
DEGRADED_AGE_S: Final = 30.0
"""A connected broker confirms in milliseconds: a message that waits this long shows a fault."""


@dataclass(frozen=True)
class BacklogState:
    """The waiting messages at one moment."""

    waiting: int = 0
    oldest_age_s: float = 0.0

    @property
    def is_degraded(self) -> bool:
        return self.oldest_age_s > DEGRADED_AGE_S


class Backlog:
    """Checks the outbox every second, less often while nothing waits or comes; drops messages that are too old."""

    def __init__(
        self,
        messages: OutboxStore,
        *,
        max_messages: int,
        max_age: timedelta,
        every_s: float = 1.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._messages = messages
        self._max_messages = max_messages
        self._max_age = max_age
        self._every_s = every_s
        self._clock = clock
        self._is_asked = asyncio.Event()
        self.state = BacklogState()
        self.expired = 0
        """Messages dropped since the start."""

    def check_room(self) -> None:
        """Raise OutboxFull where no more messages may be added; accepted ones are safe."""
        self._is_asked.set()
        if self.state.waiting >= self._max_messages:
            raise OutboxFull(f"{self.state.waiting} messages wait for the broker: repair it, then send again")

    async def run(self) -> None:
        while True:
            self._is_asked.clear()
            try:
                await executors.background(self.check)
            except StoreUnavailable as exc:
                logger.error("the outbox cannot be checked: %s", exc)  # noqa: TRY400 - one line; it repeats
            await asyncio.sleep(self._every_s)
            if not self.state.waiting:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._is_asked.wait()

    def check(self) -> None:
        """Count the waiting messages, and drop those that are too old for an alarm to sound. Blocks."""
        now = self._clock()
        waiting, oldest = self._messages.backlog()
        if oldest is not None and now - oldest > self._max_age:
            self._expire(now)
            waiting, oldest = self._messages.backlog()
        self.state = BacklogState(waiting, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)

    def _expire(self, now: datetime) -> None:
        before = now - self._max_age
        event = AuditEvent(EXPIRED, "gateway", "outbox", now, details={"created_before": before.isoformat()})
        count = self._messages.expire(before, event)
        self.expired += count
        logger.error("messages waited too long for the broker and were dropped", extra={"count": count})
