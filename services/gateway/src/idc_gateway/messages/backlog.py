"""How many messages wait for the broker, and when that is too many."""

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
"""A connected broker confirms in milliseconds: a message that waits so long shows that something is wrong."""


@dataclass(frozen=True)
class BacklogLimits:
    """How much may wait, and how long."""

    max_messages: int
    max_age: timedelta


@dataclass(frozen=True)
class BacklogState:
    """What waits at one moment."""

    waiting: int = 0
    oldest_age_s: float = 0.0

    @property
    def is_degraded(self) -> bool:
        """Whether messages wait longer than they do where all works."""
        return self.oldest_age_s > DEGRADED_AGE_S


class Backlog:
    """Counts what waits every second, less often while nothing waits or comes; drops what is too old."""

    def __init__(
        self,
        messages: OutboxStore,
        limits: BacklogLimits,
        *,
        every_s: float = 1.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._messages = messages
        self._limits = limits
        self._every_s = every_s
        self._clock = clock
        self._is_asked = asyncio.Event()
        self.state = BacklogState()
        self.expired = 0
        """Messages dropped since the start."""

    def check_room(self) -> None:
        """Let a new result in.

        Raises:
            OutboxFull: So many messages wait that no more may be added; what was accepted is safe.
        """
        self._is_asked.set()
        if self.state.waiting >= self._limits.max_messages:
            raise OutboxFull(
                f"{self.state.waiting} messages wait for the broker: see why it does not take them, then send again"
            )

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._is_asked.clear()
            try:
                await executors.background(self.look)
            except StoreUnavailable as exc:
                logger.error("the outbox cannot be looked at: %s", exc)  # noqa: TRY400 - one line; it comes again
            await asyncio.sleep(self._every_s)
            if not self.state.waiting:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._is_asked.wait()

    def look(self) -> None:
        """Count what waits, and drop what is too old: an alarm would not sound for it any more. Blocks.

        Raises:
            StoreUnavailable: The database does not work.
        """
        now = self._clock()
        waiting, oldest = self._messages.backlog()
        if oldest is not None and now - oldest > self._limits.max_age:
            self._expire(now)
            waiting, oldest = self._messages.backlog()
        self.state = BacklogState(waiting, max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)

    def _expire(self, now: datetime) -> None:
        before = now - self._limits.max_age
        event = AuditEvent(EXPIRED, "gateway", "outbox", now, details={"created_before": before.isoformat()})
        count = self._messages.expire(before, event)
        self.expired += count
        logger.error("messages waited too long for the broker and were dropped", extra={"count": count})
