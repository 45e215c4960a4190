"""Publishes what was stored: in order, at least once, until the broker confirms it."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from idc_contracts import utc_now
from idc_gateway.classifications import OutgoingMessage
from idc_gateway.errors import BusUnavailable, StoreUnavailable
from idc_gateway.leadership import ALONE, Leadership
from idc_gateway.ports import Bus
from idc_gateway.store_ports import OutgoingMessages

logger = logging.getLogger(__name__)

BATCH: Final = 100
REPLAY_LIMIT: Final = 64
"""After each connect so many of the newest messages are sent again: a broker that crashed may have confirmed what it
had not written down yet. It writes after every change and messages are sent one at a time, so that few can be lost;
an alarm knows the last 512 messages again."""
KEEP_PUBLISHED: Final = timedelta(minutes=10)
IDLE_S: Final = 60.0
"""A wake-up that is missed for whatever reason costs at most this."""
SHARED_IDLE_S: Final = 0.25
"""Where gateways share a database, the one that publishes is not woken by what another one stores: it looks."""


class Outbox:
    """The background task between the store and the bus."""

    def __init__(
        self,
        messages: OutgoingMessages,
        bus: Bus,
        leadership: Leadership = ALONE,
        *,
        clock: Callable[[], datetime] = utc_now,
        store_retry_s: float = 1.0,
        idle_s: float = IDLE_S,
    ) -> None:
        """Make the task.

        Args:
            messages: What waits.
            bus: Where it goes.
            leadership: Says which of several gateways with one database publishes.
            clock: The time.
            store_retry_s: Pause after the database failed, or where another gateway publishes.
            idle_s: Pause after which the database is looked at without a wake-up: what other gateways stored.
        """
        self._leadership = leadership
        self._store_retry_s = store_retry_s
        self._idle_s = idle_s
        self._messages = messages
        self._bus = bus
        self._clock = clock
        self._woken = asyncio.Event()
        self._is_replay_due = False

    def wake(self) -> None:
        """Say that there may be something to publish."""
        self._woken.set()

    async def on_connected(self) -> None:
        """Let what a crashed broker may have lost be sent again."""
        # The task that publishes does it: it may still be about to record what the old connection confirmed.
        self._is_replay_due = True
        self.wake()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._bus.wait_connected()
            try:
                if await asyncio.to_thread(self._leadership.hold):
                    await self._turn()
                else:
                    await asyncio.sleep(self._store_retry_s)
            except StoreUnavailable as exc:
                logger.error("the outbox waits: %s", exc)  # noqa: TRY400 - one line; it comes again
                await asyncio.sleep(self._store_retry_s)

    async def _turn(self) -> None:
        self._woken.clear()
        await self._replay()
        waiting = await asyncio.to_thread(self._messages.waiting, BATCH)
        if waiting:
            await self._publish(waiting)
            return
        await asyncio.to_thread(self._messages.forget_published, self._clock() - KEEP_PUBLISHED)
        try:
            async with asyncio.timeout(self._idle_s):
                await self._woken.wait()
        except TimeoutError:
            logger.debug("nothing to publish")

    async def _replay(self) -> None:
        if not self._is_replay_due:
            return
        count = await asyncio.to_thread(self._messages.publish_again, REPLAY_LIMIT)
        self._is_replay_due = False
        if count:
            logger.info("sending the latest messages again: the broker may have lost them", extra={"count": count})

    async def _publish(self, waiting: list[tuple[int, OutgoingMessage]]) -> None:
        confirmed: list[int] = []
        try:
            for sequence, message in waiting:
                await self._bus.publish(message)
                confirmed.append(sequence)
        except BusUnavailable as exc:
            logger.warning("the outbox waits: %s", exc)
        finally:
            if confirmed:
                await asyncio.to_thread(self._messages.mark_published, confirmed, self._clock())
