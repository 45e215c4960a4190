"""Publishes what was stored: in order, at least once, until the broker confirms it."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.errors import BusUnavailable, MessageRefused, StoreUnavailable
from idc_gateway.messages.leadership import ALONE, Leadership
from idc_gateway.messages.outbox_store import Numbered, OutboxStore
from idc_gateway.messages.ports import Bus, OutgoingMessage

logger = logging.getLogger(__name__)

BATCH: Final = 100
MAX_GIVEN: Final = 1000
"""Messages held in memory; more wait only in the store."""
REPLAY_LIMIT: Final = 64
"""The newest messages that are sent again after each connect: a broker that crashed may have confirmed what it
had not written down yet (its latest 32 changes), or have lost the session of an alarm, which then missed what was sent
meanwhile. An alarm knows the last 512 messages again."""
KEEP_PUBLISHED: Final = timedelta(minutes=10)
IDLE_S: Final = 60.0
"""The most that a missed wake-up costs."""
RECORD_AFTER_S: Final = 0.2
"""What the broker confirmed is written down together: each commit costs a turn of the disk."""
ANSWERS_FIRST_S: Final = 0.002
"""What was just stored is published a moment later: its senders get their answers before that."""
STREAM_S: Final = 0.02
"""While messages keep coming, they leave this often: one by itself costs ten times the processor time of one among
others."""
AT_ONCE: Final = 16
"""Messages that are sent before the first of them is confirmed; Mosquitto takes 20."""
SHARED_IDLE_S: Final = 0.25
"""Where gateways share a database, the one that publishes is not woken by what another one stores: it looks."""


class Outbox:
    """The background task between the store and the bus.

    It is given what this process stores. It reads the store where it may have missed something: at the start, after a
    broker or a database failed, and wherever the sequence numbers have a gap.
    """

    def __init__(
        self,
        messages: OutboxStore,
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
            idle_s: Pause after which the database is read without a wake-up: what other gateways stored.
        """
        self._leadership = leadership
        self._retry_s = store_retry_s
        self._idle_s = idle_s
        self._messages = messages
        self._bus = bus
        self._clock = clock
        self._woken = asyncio.Event()
        self._is_replay_due = False
        self._is_read_due = True
        self._given: list[Numbered] = []
        """What was stored since the last read, without a gap."""
        self._last: int | None = None
        """The newest message that was read or given; None where that is unknown."""
        self._confirmed: list[int] = []
        """Sequence numbers that the broker confirmed and the database does not know of yet, ascending."""
        self._tried_to = 0
        """The last message that was sent since then: what the broker refused before it is sent again later."""
        self._has_refused = False
        self._left_s = -math.inf
        """When messages last left, by the loop's clock."""

    def wake(self) -> None:
        """Say that the store may have something to publish."""
        self._is_read_due = True
        self._woken.set()

    def take(self, stored: Sequence[Numbered]) -> None:
        """Publish what was just stored, in its order; without arguments, read the store."""
        follows = bool(stored) and self._last is not None and stored[0][0] == self._last + 1
        if not follows or len(self._given) >= MAX_GIVEN:
            self.wake()
            return
        self._given += stored
        self._last = stored[-1][0]
        self._woken.set()

    async def on_connected(self) -> None:
        """Let what a crashed broker may have lost be sent again."""
        self.send_latest_again()

    def send_latest_again(self) -> None:
        """Let the newest messages be sent again: a crashed broker may have lost them, or the session of a reader."""
        # The task that publishes does it: it may still be about to record what the old connection confirmed.
        self._is_replay_due = True
        self.wake()

    async def run(self) -> None:
        try:
            while True:
                await self._bus.wait_connected()
                try:
                    await self._turn()
                except StoreUnavailable as exc:
                    logger.error("the outbox waits: %s", exc)  # noqa: TRY400 - one line; it comes again
                    await asyncio.sleep(self._retry_s)
        finally:
            await self._record_last()

    async def _turn(self) -> None:
        if self._leadership is not ALONE and not await executors.background(self._leadership.hold):
            self._forget_tried()
            await asyncio.sleep(self._retry_s)
            return
        self._woken.clear()
        await self._replay()
        waiting, is_all = await self._next()
        if waiting:
            is_all = await self._publish(waiting) and is_all
        # What is stored from here on wakes: there is no need to read once more.
        if is_all or len(self._confirmed) >= BATCH:
            await self._rest_and_record(is_idle=is_all)

    async def _next(self) -> tuple[list[Numbered], bool]:
        """Some messages to publish, and whether these are all."""
        if not self._is_read_due:
            waiting, self._given = self._given[:BATCH], self._given[BATCH:]
            return waiting, not self._given
        # What is given while the store is read is a gap, and leads to another read.
        self._is_read_due, self._given, self._last = False, [], None
        try:
            waiting = await executors.background(self._messages.waiting, BATCH, self._tried_to)
        except BaseException:
            self._is_read_due = True
            raise
        is_all = len(waiting) < BATCH and not self._is_read_due
        self._is_read_due = not is_all
        if is_all and waiting:
            self._last = waiting[-1][0]
        return waiting, is_all

    async def _rest_and_record(self, *, is_idle: bool) -> None:
        """Where there is nothing to publish, wait for more; then record what the broker confirmed."""
        if is_idle and await self._is_woken_within(RECORD_AFTER_S if self._confirmed else self._idle_s):
            return
        await self._record()

    async def _is_woken_within(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            self._is_read_due = self._is_read_due or timeout_s == self._idle_s
            return False
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(ANSWERS_FIRST_S, self._left_s + STREAM_S - loop.time()))
        self._left_s = loop.time()
        return True

    async def _replay(self) -> None:
        if not self._is_replay_due:
            return
        await self._record()
        count = await executors.background(self._messages.publish_again, REPLAY_LIMIT)
        self._is_replay_due, self._is_read_due = False, True
        if count:
            logger.info("sending the latest messages again: the broker may have lost them", extra={"count": count})

    async def _publish(self, waiting: list[Numbered]) -> bool:
        """Whether the broker took them all."""
        try:
            for start in range(0, len(waiting), AT_ONCE):
                await self._send_together(waiting[start : start + AT_ONCE])
        except BusUnavailable as exc:
            logger.warning("the outbox waits: %s", exc)
            self._is_read_due = True
            await self._record()
            return False
        return True

    async def _send_together(self, messages: Sequence[Numbered]) -> None:
        """Send in this order: an MQTT connection keeps it."""
        if len(messages) == 1:  # it needs no task of its own
            await self._send(*messages[0])
            return
        sent = await asyncio.gather(*(self._send(*message) for message in messages), return_exceptions=True)
        for failure in filter(None, sent):
            raise failure

    async def _send(self, sequence: int, message: OutgoingMessage) -> None:
        try:
            await self._bus.publish(message)
        except MessageRefused as exc:
            # It waits until it is taken or too old; it must not hold up what alarms sound for.
            logger.error("a message waits: %s", exc)  # noqa: TRY400 - one line; it comes again
            self._has_refused = True
        else:
            self._confirmed.append(sequence)
        self._tried_to = max(self._tried_to, sequence)

    def _forget_tried(self) -> None:
        self._confirmed.clear()
        self._tried_to = 0
        self._is_read_due = self._is_read_due or self._has_refused
        self._has_refused = False

    async def _record(self) -> None:
        """Write down what the broker confirmed; a crash before that only sends it again."""
        if self._confirmed:
            now = self._clock()
            marked = await executors.background(
                self._messages.mark_published, list(self._confirmed), now, now - KEEP_PUBLISHED
            )
            if marked < len(self._confirmed):
                count = len(self._confirmed) - marked
                logger.warning("messages were sent when they had just expired", extra={"count": count})
        self._forget_tried()

    async def _record_last(self) -> None:
        try:
            await self._record()
        except StoreUnavailable as exc:
            logger.warning("the last messages will be sent again: %s", exc)
